CREATE TABLE "idle_day" (
	"agreement_id" integer,
	"starts_at" timestamp with time zone,
	"ends_at" timestamp with time zone NOT NULL,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	CONSTRAINT "idle_day_pkey" PRIMARY KEY("agreement_id","starts_at")
);
--> statement-breakpoint
CREATE TABLE "mode_change" (
	"ended_id" integer PRIMARY KEY,
	"next_id" integer NOT NULL UNIQUE,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"mode" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"recorded_by" text NOT NULL,
	"settled_at" timestamp with time zone
);
--> statement-breakpoint
CREATE INDEX "audit_entry_company_id_subject_at_index" ON "audit_entry" ("company_id","subject","at");--> statement-breakpoint
CREATE INDEX "mode_change_at_index" ON "mode_change" ("at") WHERE "settled_at" is null;--> statement-breakpoint
ALTER TABLE "idle_day" ADD CONSTRAINT "idle_day_company_id_agreement_id_agreement_company_id_id_fkey" FOREIGN KEY ("company_id","agreement_id") REFERENCES "agreement"("company_id","id");--> statement-breakpoint
ALTER TABLE "mode_change" ADD CONSTRAINT "mode_change_company_id_ended_id_agreement_company_id_id_fkey" FOREIGN KEY ("company_id","ended_id") REFERENCES "agreement"("company_id","id");--> statement-breakpoint
ALTER TABLE "mode_change" ADD CONSTRAINT "mode_change_company_id_next_id_agreement_company_id_id_fkey" FOREIGN KEY ("company_id","next_id") REFERENCES "agreement"("company_id","id");--> statement-breakpoint
ALTER TABLE "mode_change" ADD CONSTRAINT "mode_change_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");