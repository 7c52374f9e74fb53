CREATE TABLE "simulation" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"requested_by" text NOT NULL,
	"requested_at" timestamp with time zone NOT NULL,
	"document" jsonb NOT NULL,
	"tariff_version_id" integer,
	"currency" text NOT NULL,
	"from_month" text NOT NULL,
	"through_month" text NOT NULL,
	"state" text NOT NULL,
	"agreement_count" integer NOT NULL,
	"done_count" integer NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "simulation_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "simulation_progress" CHECK ("done_count" between 0 and "agreement_count")
);
--> statement-breakpoint
CREATE TABLE "simulation_agreement" (
	"simulation_id" uuid,
	"agreement_id" integer,
	"company_id" integer NOT NULL,
	"state" text NOT NULL,
	"customer_class" text,
	"energy_wh" bigint,
	"before_micros" bigint,
	"after_micros" bigint,
	"months" text[],
	"month_before_micros" bigint[],
	"month_after_micros" bigint[],
	"warnings" text[],
	"code" text,
	"message" text,
	CONSTRAINT "simulation_agreement_pkey" PRIMARY KEY("simulation_id","agreement_id"),
	CONSTRAINT "simulation_agreement_result" CHECK (("state" = 'rated') = ("before_micros" is not null and "after_micros" is not null)
        and ("state" = 'refused') = ("code" is not null))
);
--> statement-breakpoint
CREATE INDEX "simulation_company_id_requested_at_index" ON "simulation" ("company_id","requested_at");--> statement-breakpoint
CREATE INDEX "simulation_state_index" ON "simulation" ("state");--> statement-breakpoint
CREATE INDEX "simulation_agreement_simulation_id_state_agreement_id_index" ON "simulation_agreement" ("simulation_id","state","agreement_id");--> statement-breakpoint
ALTER TABLE "simulation" ADD CONSTRAINT "simulation_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "simulation_agreement" ADD CONSTRAINT "simulation_agreement_E5x5uc7cLfJY_fkey" FOREIGN KEY ("company_id","simulation_id") REFERENCES "simulation"("company_id","id");--> statement-breakpoint
ALTER TABLE "simulation_agreement" ADD CONSTRAINT "simulation_agreement_Mtc1biKVIDo4_fkey" FOREIGN KEY ("company_id","agreement_id") REFERENCES "agreement"("company_id","id");