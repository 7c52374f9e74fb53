CREATE TABLE "vee_duty" (
	"meter_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"from_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "vee_duty" ADD CONSTRAINT "vee_duty_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");