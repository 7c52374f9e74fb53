CREATE TABLE "charge_hold" (
	"agreement_id" integer,
	"meter_id" integer,
	"period_start" timestamp with time zone,
	"tariff_version_id" integer,
	"company_id" integer NOT NULL,
	"code" text NOT NULL,
	"message" text NOT NULL,
	"held_at" timestamp with time zone NOT NULL,
	CONSTRAINT "charge_hold_pkey" PRIMARY KEY("agreement_id","meter_id","period_start","tariff_version_id")
);
--> statement-breakpoint
CREATE TABLE "accrual" (
	"agreement_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"accrued_until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "price_point" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "price_point_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"series_id" integer NOT NULL,
	"starts_at" timestamp with time zone NOT NULL,
	"price_e8" bigint,
	"known_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "price_series" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "price_series_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"name" text NOT NULL,
	"currency" text NOT NULL,
	"unit" text NOT NULL,
	"step_minutes" integer NOT NULL,
	CONSTRAINT "price_series_company_id_name_unique" UNIQUE("company_id","name"),
	CONSTRAINT "price_series_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "price_series_step" CHECK ("step_minutes" in (15, 30, 60))
);
--> statement-breakpoint
CREATE TABLE "pricing_change" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "pricing_change_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"what" text NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "service_point" ADD COLUMN "is_key_zone" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "charge" ADD COLUMN "open_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "charge" ADD COLUMN "carry_in" jsonb;--> statement-breakpoint
ALTER TABLE "charge" ADD COLUMN "carry_out" jsonb;--> statement-breakpoint
ALTER TABLE "agreement" ADD COLUMN "attributes" jsonb DEFAULT '{}' NOT NULL;--> statement-breakpoint
CREATE INDEX "price_point_series_id_starts_at_id_index" ON "price_point" ("series_id","starts_at","id");--> statement-breakpoint
ALTER TABLE "charge_hold" ADD CONSTRAINT "charge_hold_AdciC9xZltJG_fkey" FOREIGN KEY ("company_id","agreement_id") REFERENCES "agreement"("company_id","id");--> statement-breakpoint
ALTER TABLE "accrual" ADD CONSTRAINT "accrual_company_id_agreement_id_agreement_company_id_id_fkey" FOREIGN KEY ("company_id","agreement_id") REFERENCES "agreement"("company_id","id");--> statement-breakpoint
ALTER TABLE "price_point" ADD CONSTRAINT "price_point_Fx4jkqCtydg8_fkey" FOREIGN KEY ("company_id","series_id") REFERENCES "price_series"("company_id","id");--> statement-breakpoint
ALTER TABLE "price_series" ADD CONSTRAINT "price_series_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "pricing_change" ADD CONSTRAINT "pricing_change_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");