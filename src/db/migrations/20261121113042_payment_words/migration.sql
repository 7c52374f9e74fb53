ALTER TABLE "provider_event" ADD COLUMN "part" text;--> statement-breakpoint
ALTER TABLE "provider_event" ADD COLUMN "total_micros" bigint;