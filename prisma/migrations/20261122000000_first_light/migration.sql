CREATE TABLE "topology_head" (
    "id" SMALLINT NOT NULL CHECK ("id" = 1),
    "version" BIGINT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "topology_head_pkey" PRIMARY KEY ("id")
);
INSERT INTO "topology_head" VALUES (1, 0, now());

CREATE TABLE "node" (
    "name" TEXT COLLATE "C" NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "agent" TEXT NOT NULL CHECK ("agent" IN ('required', 'optional', 'none')),
    "admin_state" TEXT NOT NULL CHECK ("admin_state" IN ('up', 'draining', 'down')),
    "labels" JSONB NOT NULL,
    CONSTRAINT "node_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "network_interface" (
    "node" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "addresses" TEXT[] NOT NULL,
    "mtu_bytes" BIGINT NOT NULL,
    CONSTRAINT "network_interface_pkey" PRIMARY KEY ("node", "name"),
    CONSTRAINT "network_interface_node_fkey" FOREIGN KEY ("node") REFERENCES "node" ("name") ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE "link" (
    "id" TEXT COLLATE "C" NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "from_node" TEXT COLLATE "C" NOT NULL,
    "from_interface" TEXT COLLATE "C" NOT NULL,
    "to_node" TEXT COLLATE "C" NOT NULL,
    "to_interface" TEXT COLLATE "C" NOT NULL,
    "capacity_bits_per_second" BIGINT,
    "reservable_share" DOUBLE PRECISION NOT NULL,
    "overhead_bytes" BIGINT NOT NULL,
    "cost" BIGINT NOT NULL,
    "delay_micros" BIGINT NOT NULL,
    "mtu_bytes" BIGINT NOT NULL,
    "error_c_bytes" BIGINT,
    "error_d_micros" BIGINT,
    "risk_groups" TEXT[] NOT NULL,
    "labels" JSONB NOT NULL,
    "admin_state" TEXT NOT NULL CHECK ("admin_state" IN ('up', 'draining', 'down')),
    "removed_at" TIMESTAMPTZ(3),
    CONSTRAINT "link_pkey" PRIMARY KEY ("id")
);

-- Rows that every commit updates: room on the page keeps the updates in place.
CREATE TABLE "link_ledger" (
    "link_id" TEXT COLLATE "C" NOT NULL,
    "version" BIGINT NOT NULL,
    CONSTRAINT "link_ledger_pkey" PRIMARY KEY ("link_id")
) WITH (fillfactor = 50);

CREATE TABLE "link_delta" (
    "link_id" TEXT COLLATE "C" NOT NULL,
    "version" BIGINT NOT NULL,
    "reservations" UUID[] NOT NULL,
    CONSTRAINT "link_delta_pkey" PRIMARY KEY ("link_id", "version")
);

CREATE TABLE "reservation" (
    "id" UUID NOT NULL,
    "revision" INTEGER NOT NULL,
    "name" TEXT COLLATE "C",
    "labels" JSONB NOT NULL,
    "state" TEXT NOT NULL CHECK ("state" IN ('held', 'scheduled', 'establishing', 'active', 'degraded', 'releasing', 'ended')),
    "state_reason" TEXT,
    "end_reason" TEXT,
    "failure" JSONB,
    "protocol" TEXT NOT NULL,
    "source_address" TEXT COLLATE "C" NOT NULL,
    "source_port" INTEGER,
    "destination_address" TEXT COLLATE "C" NOT NULL,
    "destination_port" INTEGER,
    "flow_hash" BIGINT NOT NULL,
    "service_type" TEXT NOT NULL,
    "token_rate_bits_per_second" BIGINT NOT NULL,
    "token_bucket_bytes" BIGINT NOT NULL,
    "peak_rate_bits_per_second" BIGINT,
    "min_policed_unit_bytes" BIGINT NOT NULL,
    "max_packet_bytes" BIGINT NOT NULL,
    "max_delay_micros" BIGINT,
    "slack_micros" BIGINT NOT NULL,
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "window_end" TIMESTAMPTZ(3),
    "links" TEXT[] NOT NULL,
    "interfaces" TEXT[] NOT NULL,
    "nodes" TEXT[] NOT NULL,
    "booked_bits_per_second" BIGINT[] NOT NULL,
    "rate_bytes_per_second" DOUBLE PRECISION NOT NULL,
    "delay_bound_micros" DOUBLE PRECISION,
    "actual_hops" JSONB NOT NULL,
    "enforcement" TEXT NOT NULL,
    "counts_in_books" BOOLEAN NOT NULL,
    "confirmed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "reservation_pkey" PRIMARY KEY ("id"),
    -- A range of one hash value, since plain equality in GiST would need an extension that not every database has.
    CONSTRAINT "reservation_flow_excl" EXCLUDE USING gist (
        int8range("flow_hash", "flow_hash", '[]') WITH &&,
        tstzrange("window_start", "window_end") WITH &&
    ) WHERE ("counts_in_books")
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX "reservation_live_name_key" ON "reservation" ("name") WHERE "state" NOT IN ('releasing', 'ended');
CREATE INDEX "reservation_live_idx" ON "reservation" ("id") WHERE "state" <> 'ended';

CREATE TABLE "idempotency_key" (
    "key" TEXT COLLATE "C" NOT NULL,
    "body_hash" BYTEA NOT NULL,
    "reservation_id" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "idempotency_key_pkey" PRIMARY KEY ("key")
);
CREATE INDEX "idempotency_key_created_at_idx" ON "idempotency_key" ("created_at");

CREATE TABLE "event" (
    "first_id" BIGINT NOT NULL,
    "count" INTEGER NOT NULL CHECK ("count" > 0),
    "time" TIMESTAMPTZ(3) NOT NULL,
    "token" UUID NOT NULL,
    "items" JSONB NOT NULL,
    "links" JSONB NOT NULL,
    "topology_version" BIGINT,
    CONSTRAINT "event_pkey" PRIMARY KEY ("first_id")
);

CREATE TABLE "event_head" (
    "id" SMALLINT NOT NULL CHECK ("id" = 1),
    "last" BIGINT NOT NULL,
    "purged_through" BIGINT NOT NULL,
    CONSTRAINT "event_head_pkey" PRIMARY KEY ("id")
) WITH (fillfactor = 10);
INSERT INTO "event_head" VALUES (1, 0, 0);

CREATE TABLE "agent_generation" (
    "node" TEXT COLLATE "C" NOT NULL,
    "counter" BIGINT NOT NULL,
    CONSTRAINT "agent_generation_pkey" PRIMARY KEY ("node")
) WITH (fillfactor = 50);

CREATE TABLE "control_epoch" (
    "id" SMALLINT NOT NULL CHECK ("id" = 1),
    "epoch" UUID NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    CONSTRAINT "control_epoch_pkey" PRIMARY KEY ("id")
);
INSERT INTO "control_epoch" VALUES (1, gen_random_uuid(), now());
