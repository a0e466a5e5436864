-- How a flow comes to its path, and the explicit route of those that agents steer.
ALTER TABLE "reservation"
  ADD COLUMN "pinning" TEXT NOT NULL DEFAULT 'routed',
  ADD COLUMN "explicit_route" TEXT[] NOT NULL DEFAULT '{}';
