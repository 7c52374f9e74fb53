ALTER TABLE "reading_exception" ADD COLUMN "is_event" boolean DEFAULT false;--> statement-breakpoint
ALTER TABLE "exception_resolution" ADD COLUMN "is_event" boolean DEFAULT false;--> statement-breakpoint
ALTER TABLE "reading_exception" DROP CONSTRAINT "reading_exception_pkey";--> statement-breakpoint
ALTER TABLE "reading_exception" ADD PRIMARY KEY ("edge_id","stream","epoch","sequence","is_event","channel","row","code");--> statement-breakpoint
ALTER TABLE "exception_resolution" DROP CONSTRAINT "exception_resolution_pkey";--> statement-breakpoint
ALTER TABLE "exception_resolution" ADD PRIMARY KEY ("edge_id","stream","epoch","sequence","is_event","channel","row");