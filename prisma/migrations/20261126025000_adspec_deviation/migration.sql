-- What ADSPEC says of the path otherwise than the books, in a sentence; NULL while both agree.
ALTER TABLE "reservation" ADD COLUMN "adspec_deviation" TEXT;
