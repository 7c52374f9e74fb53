CREATE TABLE "supply_wait" (
	"meter_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"ask_again_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "supply_watch" (
	"meter_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"command_id" uuid NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"limit_w" integer,
	"trip_after_ms" integer,
	"register_wh" bigint,
	"over_since" timestamp with time zone,
	"told_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "meter" ADD COLUMN "limiter_register" smallint;--> statement-breakpoint
CREATE INDEX "supply_wait_ask_again_at_index" ON "supply_wait" ("ask_again_at");--> statement-breakpoint
CREATE INDEX "supply_wait_account_id_index" ON "supply_wait" ("account_id");--> statement-breakpoint
ALTER TABLE "supply_wait" ADD CONSTRAINT "supply_wait_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "supply_watch" ADD CONSTRAINT "supply_watch_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");