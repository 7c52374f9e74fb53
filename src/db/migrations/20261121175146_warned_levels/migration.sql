ALTER TABLE "prepaid_forecast" ADD COLUMN "looked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "prepaid_forecast" ADD COLUMN "next_micros" bigint;--> statement-breakpoint
ALTER TABLE "prepaid_forecast" ADD COLUMN "cut_micros" bigint;