CREATE TABLE "prepaid_forecast" (
	"account_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"daily_micros" bigint,
	"runs_out_at" timestamp with time zone,
	"reason" text,
	"balance_micros" bigint NOT NULL,
	"computed_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "prepaid_forecast_computed_at_index" ON "prepaid_forecast" ("computed_at");--> statement-breakpoint
ALTER TABLE "prepaid_forecast" ADD CONSTRAINT "prepaid_forecast_gpU1UhQWXrJz_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");