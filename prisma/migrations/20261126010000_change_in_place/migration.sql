-- A change of a reservation's terms that is under way or has failed; its other columns are what is in force meanwhile.
ALTER TABLE "reservation" ADD COLUMN "change" JSONB;
-- How often agents were told other terms.
ALTER TABLE "reservation" ADD COLUMN "terms_revision" INTEGER NOT NULL DEFAULT 0;
