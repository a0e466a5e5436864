-- Several senders to one destination, and the style in which they share what is booked (RFC 2205 1.3).
ALTER TABLE "reservation"
  ADD COLUMN "style" TEXT NOT NULL DEFAULT 'fixedFilter' CHECK ("style" IN ('fixedFilter', 'sharedExplicit', 'wildcardFilter')),
  -- Source and path of every sender beside the first, whose own are columns; null = there is one.
  ADD COLUMN "more_senders" JSONB,
  ADD COLUMN "session_hash" BIGINT;

-- As the server reckons it: the first 62 bits of SHA-256 over protocol, destination address and destination port.
UPDATE "reservation" SET "session_hash" = (('x' || encode(substring(sha256(convert_to(
  "protocol" || ' ' || "destination_address" || ' ' || coalesce("destination_port"::text, '*'), 'UTF8'
)) FROM 1 FOR 8), 'hex'))::bit(64) >> 2)::bigint;
ALTER TABLE "reservation" ALTER COLUMN "session_hash" SET NOT NULL;

-- Of one session, in windows that overlap: equal flows exclude each other, and one of a shared style or with several senders
-- excludes all others. Its range of flows has no bounds, so it meets every other.
ALTER TABLE "reservation"
  DROP CONSTRAINT "reservation_flow_excl",
  ADD CONSTRAINT "reservation_flow_excl" EXCLUDE USING gist (
    int8range("session_hash", "session_hash", '[]') WITH &&,
    int8range(
      CASE WHEN "style" = 'fixedFilter' AND "more_senders" IS NULL THEN "flow_hash" END,
      CASE WHEN "style" = 'fixedFilter' AND "more_senders" IS NULL THEN "flow_hash" END,
      '[]'
    ) WITH &&,
    tstzrange("window_start", "window_end") WITH &&
  ) WHERE ("counts_in_books");
