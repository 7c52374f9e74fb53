CREATE TABLE "reading_version" (
	"meter_id" integer,
	"channel" smallint,
	"read_at" timestamp with time zone,
	"revision" integer,
	"value" bigint,
	"company_id" integer NOT NULL,
	CONSTRAINT "reading_version_pkey" PRIMARY KEY("meter_id","channel","read_at","revision","value")
);
--> statement-breakpoint
CREATE TABLE "sent_multiplier" (
	"meter_id" integer,
	"channel" smallint,
	"day" integer,
	"thousandths" integer,
	"company_id" integer NOT NULL,
	"first_at" timestamp with time zone NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	CONSTRAINT "sent_multiplier_pkey" PRIMARY KEY("meter_id","channel","day","thousandths")
);
--> statement-breakpoint
ALTER TABLE "reading_exception" ADD COLUMN "unit" smallint;--> statement-breakpoint
ALTER TABLE "reading_version" ADD CONSTRAINT "reading_version_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "sent_multiplier" ADD CONSTRAINT "sent_multiplier_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");