-- PATH passes a hop that does not speak RSVP, as agents behind it have seen.
ALTER TABLE "reservation" ADD COLUMN "non_rsvp_hop" BOOLEAN NOT NULL DEFAULT false;
