ALTER TABLE "register_mark" ALTER COLUMN "numerator" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "register_mark" ALTER COLUMN "denominator" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "register_mark" ADD CONSTRAINT "register_mark_factor" CHECK (("numerator" is null) = ("denominator" is null));