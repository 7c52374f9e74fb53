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
CREATE TABLE "pending_end" (
	"pending_id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"account_id" integer,
	"end" text NOT NULL,
	"transfer_id" uuid,
	"ended_at" timestamp with time zone NOT NULL,
	"xact" xid8 DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "pending_end_transfer" CHECK (("end" = 'posted') = ("transfer_id" is not null))
);
--> statement-breakpoint
CREATE TABLE "pending_transfer" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"currency" text NOT NULL,
	"debit_id" integer NOT NULL,
	"credit_id" integer NOT NULL,
	"amount_micros" bigint NOT NULL,
	"code" text NOT NULL,
	"account_id" integer,
	"payment_id" uuid,
	"pended_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "pending_transfer_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "pending_transfer_amount" CHECK ("amount_micros" > 0),
	CONSTRAINT "pending_transfer_two_accounts" CHECK ("debit_id" <> "credit_id"),
	CONSTRAINT "pending_transfer_expiry" CHECK ("expires_at" > "pended_at")
);
--> statement-breakpoint
CREATE TABLE "bank_entry" (
	"channel_id" integer,
	"entry_ref" text,
	"company_id" integer NOT NULL,
	"statement_id" integer NOT NULL,
	"amount_micros" bigint NOT NULL,
	"currency" text NOT NULL,
	"booked_on" date NOT NULL,
	"remittance" text NOT NULL,
	"payment_id" uuid,
	CONSTRAINT "bank_entry_pkey" PRIMARY KEY("channel_id","entry_ref")
);
--> statement-breakpoint
CREATE TABLE "bank_statement" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "bank_statement_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"channel_id" integer NOT NULL,
	"file_hash" bytea NOT NULL,
	"format" text NOT NULL,
	"statement_ref" text NOT NULL,
	"imported_at" timestamp with time zone NOT NULL,
	"imported_by" text NOT NULL,
	CONSTRAINT "bank_statement_channel_id_file_hash_unique" UNIQUE("channel_id","file_hash"),
	CONSTRAINT "bank_statement_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "payment" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"channel_id" integer NOT NULL,
	"reference" text NOT NULL,
	"currency" text NOT NULL,
	"account_id" integer,
	"agent_id" integer,
	"started_at" timestamp with time zone NOT NULL,
	CONSTRAINT "payment_channel_id_reference_unique" UNIQUE("channel_id","reference"),
	CONSTRAINT "payment_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "payment_agent" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "payment_agent_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"channel_id" integer NOT NULL,
	"name" text NOT NULL,
	"float_limit_micros" bigint NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	CONSTRAINT "payment_agent_company_id_name_unique" UNIQUE("company_id","name"),
	CONSTRAINT "payment_agent_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "payment_agent_float" CHECK ("float_limit_micros" > 0)
);
--> statement-breakpoint
CREATE TABLE "payment_channel" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "payment_channel_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"currency" text NOT NULL,
	"settings" jsonb DEFAULT '{}' NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	CONSTRAINT "payment_channel_company_id_name_unique" UNIQUE("company_id","name"),
	CONSTRAINT "payment_channel_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "payment_receipt" (
	"company_id" integer,
	"number" bigint,
	"payment_id" uuid NOT NULL,
	"ordinal" smallint NOT NULL,
	"account_id" integer NOT NULL,
	"document" jsonb NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	CONSTRAINT "payment_receipt_pkey" PRIMARY KEY("company_id","number"),
	CONSTRAINT "payment_receipt_payment_id_ordinal_unique" UNIQUE("payment_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "payment_step" (
	"payment_id" uuid,
	"ordinal" smallint,
	"company_id" integer NOT NULL,
	"account_id" integer,
	"kind" text NOT NULL,
	"amount_micros" bigint NOT NULL,
	"transfer_id" uuid,
	"event_id" text,
	"at" timestamp with time zone NOT NULL,
	"detail" text NOT NULL,
	"xact" xid8 DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "payment_step_pkey" PRIMARY KEY("payment_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "provider_event" (
	"channel_id" integer,
	"event_id" text,
	"company_id" integer NOT NULL,
	"kind" text NOT NULL,
	"payment_id" uuid,
	"part" text,
	"total_micros" bigint,
	"body_hash" bytea NOT NULL,
	"outcome" text NOT NULL,
	"occurred_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"xact" xid8 DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "provider_event_pkey" PRIMARY KEY("channel_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "receipt_head" (
	"company_id" integer PRIMARY KEY,
	"number" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "token_device" (
	"meter_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"starting_code" integer NOT NULL,
	"sealed_key" bytea NOT NULL,
	"token_count" integer NOT NULL,
	"digits" smallint NOT NULL,
	CONSTRAINT "token_device_company_id_meter_id_unique" UNIQUE("company_id","meter_id")
);
--> statement-breakpoint
CREATE TABLE "token_issue" (
	"meter_id" integer,
	"token_count" integer,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"payment_id" uuid NOT NULL UNIQUE,
	"value" integer NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	CONSTRAINT "token_issue_pkey" PRIMARY KEY("meter_id","token_count")
);
--> statement-breakpoint
CREATE TABLE "voucher_batch" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "voucher_batch_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"channel_id" integer NOT NULL,
	"first_serial" bigint NOT NULL,
	"count" integer NOT NULL,
	"amount_micros" bigint NOT NULL,
	"currency" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"issued_at" timestamp with time zone NOT NULL,
	"issued_by" text NOT NULL,
	CONSTRAINT "voucher_batch_company_id_first_serial_unique" UNIQUE("company_id","first_serial"),
	CONSTRAINT "voucher_batch_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "voucher_batch_amounts" CHECK ("count" > 0 and "amount_micros" > 0)
);
--> statement-breakpoint
CREATE TABLE "voucher_end" (
	"company_id" integer,
	"serial" bigint,
	"batch_id" integer NOT NULL,
	"end" text NOT NULL,
	"payment_id" uuid,
	"ended_at" timestamp with time zone NOT NULL,
	"ended_by" text NOT NULL,
	"reason" text NOT NULL,
	CONSTRAINT "voucher_end_pkey" PRIMARY KEY("company_id","serial"),
	CONSTRAINT "voucher_end_payment" CHECK (("end" = 'used') = ("payment_id" is not null))
);
--> statement-breakpoint
CREATE TABLE "account_policy" (
	"account_id" integer,
	"valid_from" timestamp with time zone,
	"company_id" integer NOT NULL,
	"policy_name" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"recorded_by" text NOT NULL,
	CONSTRAINT "account_policy_pkey" PRIMARY KEY("account_id","valid_from")
);
--> statement-breakpoint
CREATE TABLE "auto_top_up" (
	"account_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"channel_id" integer NOT NULL,
	"instrument" text NOT NULL,
	"below_micros" bigint NOT NULL,
	"amount_micros" bigint NOT NULL,
	"daily_max_micros" bigint NOT NULL,
	"is_active" boolean NOT NULL,
	CONSTRAINT "auto_top_up_amounts" CHECK ("amount_micros" > 0 and "daily_max_micros" > 0)
);
--> statement-breakpoint
CREATE TABLE "debt_day" (
	"account_id" integer,
	"local_day" integer,
	"company_id" integer NOT NULL,
	"transfer_id" uuid,
	"skipped" text,
	CONSTRAINT "debt_day_pkey" PRIMARY KEY("account_id","local_day"),
	CONSTRAINT "debt_day_one" CHECK (("transfer_id" is null) = ("skipped" is not null))
);
--> statement-breakpoint
CREATE TABLE "debt_plan" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"share_ppm" integer NOT NULL,
	"weekly_micros" bigint NOT NULL,
	"weekly_cap_micros" bigint,
	"valid_from" timestamp with time zone NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"recorded_by" text NOT NULL,
	"reason" text NOT NULL,
	CONSTRAINT "debt_plan_account_id_valid_from_unique" UNIQUE("account_id","valid_from"),
	CONSTRAINT "debt_plan_share" CHECK ("share_ppm" between 0 and 1000000 and "weekly_micros" >= 0)
);
--> statement-breakpoint
CREATE TABLE "emergency_credit" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"amount_micros" bigint NOT NULL,
	"taken_at" timestamp with time zone NOT NULL,
	"taken_by" text NOT NULL,
	CONSTRAINT "emergency_credit_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "emergency_credit_amount" CHECK ("amount_micros" > 0)
);
--> statement-breakpoint
CREATE TABLE "emergency_credit_end" (
	"credit_id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"ended_at" timestamp with time zone NOT NULL,
	"reason" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notice" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"kind" text NOT NULL,
	"threshold" text NOT NULL,
	"breach" integer NOT NULL,
	"detail" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "notice_account_id_kind_threshold_breach_unique" UNIQUE("account_id","kind","threshold","breach"),
	CONSTRAINT "notice_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "notice_arm" (
	"account_id" integer,
	"kind" text,
	"threshold" text,
	"company_id" integer NOT NULL,
	"is_armed" boolean NOT NULL,
	"breach" integer NOT NULL,
	CONSTRAINT "notice_arm_pkey" PRIMARY KEY("account_id","kind","threshold")
);
--> statement-breakpoint
CREATE TABLE "notice_step" (
	"notice_id" uuid,
	"ordinal" smallint,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"state" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"detail" text NOT NULL,
	"xact" xid8 DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "notice_step_pkey" PRIMARY KEY("notice_id","ordinal")
);
--> statement-breakpoint
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
CREATE TABLE "prepaid_policy" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "prepaid_policy_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"name" text NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	"document" jsonb NOT NULL,
	"published_at" timestamp with time zone NOT NULL,
	"published_by" text NOT NULL,
	CONSTRAINT "prepaid_policy_company_id_name_valid_from_unique" UNIQUE("company_id","name","valid_from"),
	CONSTRAINT "prepaid_policy_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "approval" (
	"company_id" integer,
	"subject" text,
	"actor" text,
	"reason" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"xact" xid8 DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "approval_pkey" PRIMARY KEY("company_id","subject","actor")
);
--> statement-breakpoint
CREATE TABLE "breaker_trip" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"region" text NOT NULL,
	"cuts" integer NOT NULL,
	"tripped_at" timestamp with time zone NOT NULL,
	CONSTRAINT "breaker_trip_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "command_certificate" (
	"command_id" uuid,
	"stage" text,
	"company_id" integer NOT NULL,
	"account_id" integer,
	"document" jsonb NOT NULL,
	"hash" bytea NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"xact" xid8 DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "command_certificate_pkey" PRIMARY KEY("command_id","stage")
);
--> statement-breakpoint
CREATE TABLE "protection" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"kind" text NOT NULL,
	"from_at" timestamp with time zone NOT NULL,
	"to_at" timestamp with time zone,
	"reason" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"recorded_by" text NOT NULL,
	CONSTRAINT "protection_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "protection_life" CHECK ("kind" <> 'life_support' or "to_at" is null)
);
--> statement-breakpoint
CREATE TABLE "protection_end" (
	"protection_id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"ended_at" timestamp with time zone NOT NULL,
	"ended_by" text NOT NULL,
	"contact_proof" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "supply_change" (
	"meter_id" integer,
	"at" timestamp with time zone,
	"company_id" integer NOT NULL,
	"state" text NOT NULL,
	"command_id" uuid NOT NULL,
	CONSTRAINT "supply_change_pkey" PRIMARY KEY("meter_id","at")
);
--> statement-breakpoint
CREATE TABLE "weather_advisory" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"region" text NOT NULL,
	"kind" text NOT NULL,
	"from_at" timestamp with time zone NOT NULL,
	"to_at" timestamp with time zone NOT NULL,
	"source" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"recorded_by" text NOT NULL,
	CONSTRAINT "weather_advisory_span" CHECK ("to_at" > "from_at")
);
--> statement-breakpoint
CREATE TABLE "work_order" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"meter_id" integer NOT NULL,
	"kind" text NOT NULL,
	"detail" jsonb NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	CONSTRAINT "work_order_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "work_order_end" (
	"work_order_id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"ended_at" timestamp with time zone NOT NULL,
	"ended_by" text NOT NULL,
	"outcome" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "restore_mark" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "restore_mark_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"system_id" text NOT NULL,
	"timeline" integer NOT NULL,
	"xact_seen" text NOT NULL,
	"kind" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"by_whom" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "seal" (
	"shard" smallint,
	"ordinal" bigint,
	"relation" text NOT NULL,
	"rows" integer NOT NULL,
	"keys" bytea NOT NULL,
	"hashes" bytea NOT NULL,
	"xact_below" text NOT NULL,
	"previous" bytea NOT NULL,
	"head" bytea NOT NULL,
	"sealed_at" timestamp with time zone NOT NULL,
	"key_id" bytea NOT NULL,
	"signature" bytea NOT NULL,
	CONSTRAINT "seal_pkey" PRIMARY KEY("shard","ordinal")
);
--> statement-breakpoint
CREATE TABLE "signing_key" (
	"key_id" bytea PRIMARY KEY,
	"public_key" bytea NOT NULL,
	"known_since" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "ledger_account" DROP CONSTRAINT "ledger_account_company_id_code_currency_account_id_unique";--> statement-breakpoint
ALTER TABLE "audit_entry" ADD COLUMN "xact" xid8 DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "command" ADD COLUMN "limit_w" integer;--> statement-breakpoint
ALTER TABLE "command_step" ADD COLUMN "xact" xid8 DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "account_balance" ADD COLUMN "reserved_micros" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "ledger_account" ADD COLUMN "agent_id" integer;--> statement-breakpoint
ALTER TABLE "transfer" ADD COLUMN "payment_id" uuid;--> statement-breakpoint
ALTER TABLE "transfer" ADD COLUMN "corrects" uuid;--> statement-breakpoint
ALTER TABLE "transfer" ADD COLUMN "reason_code" text;--> statement-breakpoint
ALTER TABLE "transfer" ADD COLUMN "xact" xid8 DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "meter" ADD COLUMN "limiter_register" smallint;--> statement-breakpoint
ALTER TABLE "service_point" ADD COLUMN "region" text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "transfer" ALTER COLUMN "account_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "ledger_account" ADD CONSTRAINT "ledger_account_company_id_code_currency_account_id_agent_id_unique" UNIQUE NULLS NOT DISTINCT("company_id","code","currency","account_id","agent_id");--> statement-breakpoint
CREATE INDEX "audit_entry_xact_index" ON "audit_entry" ("xact");--> statement-breakpoint
CREATE INDEX "command_step_xact_index" ON "command_step" ("xact");--> statement-breakpoint
CREATE INDEX "supply_wait_ask_again_at_index" ON "supply_wait" ("ask_again_at");--> statement-breakpoint
CREATE INDEX "supply_wait_account_id_index" ON "supply_wait" ("account_id");--> statement-breakpoint
CREATE INDEX "pending_end_xact_index" ON "pending_end" ("xact");--> statement-breakpoint
CREATE INDEX "pending_transfer_account_id_index" ON "pending_transfer" ("account_id");--> statement-breakpoint
CREATE INDEX "pending_transfer_expires_at_index" ON "pending_transfer" ("expires_at");--> statement-breakpoint
CREATE INDEX "transfer_xact_index" ON "transfer" ("xact");--> statement-breakpoint
CREATE INDEX "transfer_corrects_index" ON "transfer" ("corrects") WHERE "corrects" is not null;--> statement-breakpoint
CREATE INDEX "transfer_house_debit" ON "transfer" ("debit_id") WHERE "account_id" is null;--> statement-breakpoint
CREATE INDEX "transfer_house_credit" ON "transfer" ("credit_id") WHERE "account_id" is null;--> statement-breakpoint
CREATE INDEX "payment_account_id_started_at_index" ON "payment" ("account_id","started_at");--> statement-breakpoint
CREATE INDEX "payment_agent_id_index" ON "payment" ("agent_id") WHERE "agent_id" is not null;--> statement-breakpoint
CREATE INDEX "payment_receipt_account_id_index" ON "payment_receipt" ("account_id");--> statement-breakpoint
CREATE INDEX "payment_step_xact_index" ON "payment_step" ("xact");--> statement-breakpoint
CREATE INDEX "provider_event_payment_id_index" ON "provider_event" ("payment_id");--> statement-breakpoint
CREATE INDEX "provider_event_xact_index" ON "provider_event" ("xact");--> statement-breakpoint
CREATE INDEX "emergency_credit_account_id_index" ON "emergency_credit" ("account_id");--> statement-breakpoint
CREATE INDEX "notice_account_id_at_index" ON "notice" ("account_id","at");--> statement-breakpoint
CREATE INDEX "notice_step_xact_index" ON "notice_step" ("xact");--> statement-breakpoint
CREATE INDEX "prepaid_forecast_computed_at_index" ON "prepaid_forecast" ("computed_at");--> statement-breakpoint
CREATE INDEX "approval_xact_index" ON "approval" ("xact");--> statement-breakpoint
CREATE INDEX "breaker_trip_company_id_region_index" ON "breaker_trip" ("company_id","region");--> statement-breakpoint
CREATE INDEX "command_certificate_xact_index" ON "command_certificate" ("xact");--> statement-breakpoint
CREATE INDEX "protection_account_id_index" ON "protection" ("account_id");--> statement-breakpoint
CREATE INDEX "weather_advisory_company_id_region_to_at_index" ON "weather_advisory" ("company_id","region","to_at");--> statement-breakpoint
CREATE INDEX "work_order_company_id_opened_at_index" ON "work_order" ("company_id","opened_at");--> statement-breakpoint
CREATE INDEX "work_order_meter_id_index" ON "work_order" ("meter_id");--> statement-breakpoint
CREATE INDEX "seal_relation_index" ON "seal" ("relation");--> statement-breakpoint
ALTER TABLE "supply_wait" ADD CONSTRAINT "supply_wait_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "supply_watch" ADD CONSTRAINT "supply_watch_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "ledger_account" ADD CONSTRAINT "ledger_account_zbKjR0aJXz4e_fkey" FOREIGN KEY ("company_id","agent_id") REFERENCES "payment_agent"("company_id","id");--> statement-breakpoint
ALTER TABLE "pending_end" ADD CONSTRAINT "pending_end_Ube8UL5JaDSF_fkey" FOREIGN KEY ("company_id","pending_id") REFERENCES "pending_transfer"("company_id","id");--> statement-breakpoint
ALTER TABLE "bank_entry" ADD CONSTRAINT "bank_entry_EOWhrQZKrVps_fkey" FOREIGN KEY ("company_id","statement_id") REFERENCES "bank_statement"("company_id","id");--> statement-breakpoint
ALTER TABLE "bank_statement" ADD CONSTRAINT "bank_statement_9Yso0E9a4hxN_fkey" FOREIGN KEY ("company_id","channel_id") REFERENCES "payment_channel"("company_id","id");--> statement-breakpoint
ALTER TABLE "payment" ADD CONSTRAINT "payment_ZLZmYfiZFxOZ_fkey" FOREIGN KEY ("company_id","channel_id") REFERENCES "payment_channel"("company_id","id");--> statement-breakpoint
ALTER TABLE "payment" ADD CONSTRAINT "payment_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "payment" ADD CONSTRAINT "payment_company_id_agent_id_payment_agent_company_id_id_fkey" FOREIGN KEY ("company_id","agent_id") REFERENCES "payment_agent"("company_id","id");--> statement-breakpoint
ALTER TABLE "payment_agent" ADD CONSTRAINT "payment_agent_iU64rMMyDIzF_fkey" FOREIGN KEY ("company_id","channel_id") REFERENCES "payment_channel"("company_id","id");--> statement-breakpoint
ALTER TABLE "payment_channel" ADD CONSTRAINT "payment_channel_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "payment_receipt" ADD CONSTRAINT "payment_receipt_JObj88C8MMGZ_fkey" FOREIGN KEY ("company_id","payment_id") REFERENCES "payment"("company_id","id");--> statement-breakpoint
ALTER TABLE "payment_step" ADD CONSTRAINT "payment_step_company_id_payment_id_payment_company_id_id_fkey" FOREIGN KEY ("company_id","payment_id") REFERENCES "payment"("company_id","id");--> statement-breakpoint
ALTER TABLE "provider_event" ADD CONSTRAINT "provider_event_a0kyZpdRVSrR_fkey" FOREIGN KEY ("company_id","channel_id") REFERENCES "payment_channel"("company_id","id");--> statement-breakpoint
ALTER TABLE "receipt_head" ADD CONSTRAINT "receipt_head_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "token_device" ADD CONSTRAINT "token_device_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "token_issue" ADD CONSTRAINT "token_issue_vqgDeOYzXou2_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "token_device"("company_id","meter_id");--> statement-breakpoint
ALTER TABLE "voucher_batch" ADD CONSTRAINT "voucher_batch_rHShOQq2mnu4_fkey" FOREIGN KEY ("company_id","channel_id") REFERENCES "payment_channel"("company_id","id");--> statement-breakpoint
ALTER TABLE "voucher_end" ADD CONSTRAINT "voucher_end_nl9caa4RsVW9_fkey" FOREIGN KEY ("company_id","batch_id") REFERENCES "voucher_batch"("company_id","id");--> statement-breakpoint
ALTER TABLE "account_policy" ADD CONSTRAINT "account_policy_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "auto_top_up" ADD CONSTRAINT "auto_top_up_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "auto_top_up" ADD CONSTRAINT "auto_top_up_IkQkutmWbflg_fkey" FOREIGN KEY ("company_id","channel_id") REFERENCES "payment_channel"("company_id","id");--> statement-breakpoint
ALTER TABLE "debt_day" ADD CONSTRAINT "debt_day_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "debt_plan" ADD CONSTRAINT "debt_plan_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "emergency_credit" ADD CONSTRAINT "emergency_credit_ANmUpN5E4VQP_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "emergency_credit_end" ADD CONSTRAINT "emergency_credit_end_NT3jeeHcLXfZ_fkey" FOREIGN KEY ("company_id","credit_id") REFERENCES "emergency_credit"("company_id","id");--> statement-breakpoint
ALTER TABLE "notice" ADD CONSTRAINT "notice_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "notice_arm" ADD CONSTRAINT "notice_arm_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "notice_step" ADD CONSTRAINT "notice_step_company_id_notice_id_notice_company_id_id_fkey" FOREIGN KEY ("company_id","notice_id") REFERENCES "notice"("company_id","id");--> statement-breakpoint
ALTER TABLE "prepaid_forecast" ADD CONSTRAINT "prepaid_forecast_gpU1UhQWXrJz_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "prepaid_policy" ADD CONSTRAINT "prepaid_policy_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "approval" ADD CONSTRAINT "approval_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "breaker_trip" ADD CONSTRAINT "breaker_trip_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "command_certificate" ADD CONSTRAINT "command_certificate_ekWn56Sz7Y7t_fkey" FOREIGN KEY ("company_id","command_id") REFERENCES "command"("company_id","id");--> statement-breakpoint
ALTER TABLE "protection" ADD CONSTRAINT "protection_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "protection_end" ADD CONSTRAINT "protection_end_0sHq7mBGbPm3_fkey" FOREIGN KEY ("company_id","protection_id") REFERENCES "protection"("company_id","id");--> statement-breakpoint
ALTER TABLE "supply_change" ADD CONSTRAINT "supply_change_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "weather_advisory" ADD CONSTRAINT "weather_advisory_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "work_order" ADD CONSTRAINT "work_order_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "work_order_end" ADD CONSTRAINT "work_order_end_1n4Aft4FlRnm_fkey" FOREIGN KEY ("company_id","work_order_id") REFERENCES "work_order"("company_id","id");--> statement-breakpoint
ALTER TABLE "seal" ADD CONSTRAINT "seal_key_id_signing_key_key_id_fkey" FOREIGN KEY ("key_id") REFERENCES "signing_key"("key_id");--> statement-breakpoint
ALTER TABLE "command" ADD CONSTRAINT "command_limit" CHECK (("kind" = 'limit') = ("limit_w" is not null));--> statement-breakpoint
ALTER TABLE "account_balance" ADD CONSTRAINT "account_balance_reserved" CHECK ("reserved_micros" >= 0);--> statement-breakpoint
ALTER TABLE "ledger_account" ADD CONSTRAINT "ledger_account_agent" CHECK (("code" = 'agent_cash') = ("agent_id" is not null));--> statement-breakpoint
ALTER TABLE "transfer" ADD CONSTRAINT "transfer_correction" CHECK ("code" <> 'correction' or num_nulls("corrects", "reason_code") = 0);--> statement-breakpoint
ALTER TABLE "ledger_account" DROP CONSTRAINT "ledger_account_customer", ADD CONSTRAINT "ledger_account_customer" CHECK (("code" in ('customer', 'debt')) = ("account_id" is not null));