CREATE TABLE "provider_call" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"channel_id" integer NOT NULL,
	"kind" text NOT NULL,
	"account_id" integer,
	"payment_id" uuid,
	"ordinal" smallint,
	"breach" integer,
	"instrument" text,
	"local_day" integer,
	"amount_micros" bigint NOT NULL,
	"currency" text NOT NULL,
	"asked_at" timestamp with time zone NOT NULL,
	"tries" integer NOT NULL,
	"next_try_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"outcome" text,
	"detail" text NOT NULL,
	CONSTRAINT "provider_call_payment_id_ordinal_unique" UNIQUE("payment_id","ordinal"),
	CONSTRAINT "provider_call_amount" CHECK ("amount_micros" > 0),
	CONSTRAINT "provider_call_end" CHECK (("ended_at" is null) = ("outcome" is null)),
	CONSTRAINT "provider_call_of" CHECK (case when "kind" = 'refund' then num_nulls("payment_id", "ordinal") = 0
          else num_nulls("account_id", "breach", "instrument", "local_day") = 0 end)
);
--> statement-breakpoint
ALTER TABLE "token_device" ADD COLUMN "currency" text NOT NULL;--> statement-breakpoint
ALTER TABLE "token_device" ADD COLUMN "unit_micros" bigint NOT NULL;--> statement-breakpoint
ALTER TABLE "token_device" ADD COLUMN "carried_micros" bigint NOT NULL;--> statement-breakpoint
ALTER TABLE "auto_top_up" ADD COLUMN "breaches" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "auto_top_up" ADD COLUMN "paused_code" text;--> statement-breakpoint
CREATE INDEX "provider_call_next_try_at_index" ON "provider_call" ("next_try_at") WHERE "ended_at" is null;--> statement-breakpoint
CREATE INDEX "provider_call_account_id_breach_index" ON "provider_call" ("account_id","breach") WHERE "kind" = 'charge';--> statement-breakpoint
ALTER TABLE "provider_call" ADD CONSTRAINT "provider_call_50B94dFa70SR_fkey" FOREIGN KEY ("company_id","channel_id") REFERENCES "payment_channel"("company_id","id");--> statement-breakpoint
ALTER TABLE "provider_call" ADD CONSTRAINT "provider_call_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "provider_call" ADD CONSTRAINT "provider_call_company_id_payment_id_payment_company_id_id_fkey" FOREIGN KEY ("company_id","payment_id") REFERENCES "payment"("company_id","id");--> statement-breakpoint
ALTER TABLE "token_device" ADD CONSTRAINT "token_device_form" CHECK ("digits" in (9, 12) and "unit_micros" > 0);