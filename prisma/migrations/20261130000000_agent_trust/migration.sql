-- Who signs the agents' certificates. One that is only trusted is announced to agents before it signs, or after another does.
CREATE TABLE "agent_authority" (
    "id" UUID NOT NULL,
    "certificate" TEXT NOT NULL,
    "sealed_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
    "signs" BOOLEAN NOT NULL,

    CONSTRAINT "agent_authority_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "agent_authority_one_signs" ON "agent_authority" ("signs") WHERE "signs";

-- One-time tokens for enrolment, hashed. A used one stays for an hour, since its answer may be lost.
CREATE TABLE "agent_enrol_token" (
    "token_hash" BYTEA NOT NULL,
    "node" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),
    "used_key" TEXT,

    CONSTRAINT "agent_enrol_token_pkey" PRIMARY KEY ("token_hash")
);
CREATE INDEX "agent_enrol_token_node" ON "agent_enrol_token" ("node");

-- Every certificate that was issued to an agent and has not expired.
CREATE TABLE "agent_certificate" (
    "fingerprint" TEXT NOT NULL,
    "node" TEXT NOT NULL,
    "key_fingerprint" TEXT NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "issued_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "agent_certificate_pkey" PRIMARY KEY ("fingerprint")
);
CREATE INDEX "agent_certificate_node" ON "agent_certificate" ("node");
