CREATE TABLE "audit_entry" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"subject" text NOT NULL,
	"before" jsonb,
	"after" jsonb
);
--> statement-breakpoint
CREATE TABLE "idempotency_key" (
	"company_id" integer,
	"key" uuid,
	"operation" text NOT NULL,
	"actor" text,
	"input_hash" bytea NOT NULL,
	"result" jsonb NOT NULL,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotency_key_pkey" PRIMARY KEY("company_id","actor","key")
);
--> statement-breakpoint
CREATE TABLE "persisted_operation" (
	"company_id" integer,
	"id" text,
	"name" text NOT NULL,
	"document" text NOT NULL,
	"registered_at" timestamp with time zone NOT NULL,
	"registered_by" text NOT NULL,
	CONSTRAINT "persisted_operation_pkey" PRIMARY KEY("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "command" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"meter_id" integer NOT NULL,
	"account_id" integer,
	"kind" text NOT NULL,
	"cause" text NOT NULL,
	"reason" text NOT NULL,
	"state" text NOT NULL,
	"requested_by" text NOT NULL,
	"requested_at" timestamp with time zone NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"attempts" smallint NOT NULL,
	"next_attempt_at" timestamp with time zone NOT NULL,
	"failure_code" text,
	CONSTRAINT "command_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "command_step" (
	"command_id" uuid,
	"ordinal" smallint,
	"company_id" integer NOT NULL,
	"account_id" integer,
	"state" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"detail" text NOT NULL,
	CONSTRAINT "command_step_pkey" PRIMARY KEY("command_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "supply" (
	"meter_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"state" text NOT NULL,
	"cause" text NOT NULL,
	"since" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "event" (
	"shard" smallint,
	"sequence" bigint,
	"company_id" integer NOT NULL,
	"kind" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"meter_ids" integer[] NOT NULL,
	"account_ids" integer[] NOT NULL,
	"read_at_ms" bigint[] NOT NULL,
	"register_wh" bigint[] NOT NULL,
	"power_w" integer[] NOT NULL,
	"energy_wh" bigint[] NOT NULL,
	"charged_micros" bigint[] NOT NULL,
	"balance_micros" bigint[] NOT NULL,
	"detail" jsonb,
	CONSTRAINT "event_pkey" PRIMARY KEY("shard","sequence")
);
--> statement-breakpoint
CREATE TABLE "event_head" (
	"shard" smallint PRIMARY KEY,
	"sequence" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relay_cursor" (
	"relay" text,
	"shard" smallint,
	"sequence" bigint NOT NULL,
	CONSTRAINT "relay_cursor_pkey" PRIMARY KEY("relay","shard")
);
--> statement-breakpoint
CREATE TABLE "account_balance" (
	"account_id" integer PRIMARY KEY,
	"company_id" integer NOT NULL,
	"balance_micros" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ledger_account" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ledger_account_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"code" text NOT NULL,
	"currency" text NOT NULL,
	"account_id" integer,
	CONSTRAINT "ledger_account_company_id_code_currency_account_id_unique" UNIQUE NULLS NOT DISTINCT("company_id","code","currency","account_id"),
	CONSTRAINT "ledger_account_company_id_id_currency_unique" UNIQUE("company_id","id","currency"),
	CONSTRAINT "ledger_account_customer" CHECK (("code" = 'customer') = ("account_id" is not null))
);
--> statement-breakpoint
CREATE TABLE "transfer" (
	"id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"currency" text NOT NULL,
	"debit_id" integer NOT NULL,
	"credit_id" integer NOT NULL,
	"amount_micros" bigint NOT NULL,
	"code" text NOT NULL,
	"account_id" integer NOT NULL,
	"agreement_id" integer,
	"meter_id" integer,
	"period_start" timestamp with time zone,
	"tariff_version_id" integer,
	"log_shard" smallint,
	"log_position" bigint,
	"posted_at" timestamp with time zone NOT NULL,
	CONSTRAINT "transfer_amount" CHECK ("amount_micros" > 0),
	CONSTRAINT "transfer_two_accounts" CHECK ("debit_id" <> "credit_id")
);
--> statement-breakpoint
CREATE TABLE "batch_guard" (
	"edge_id" integer,
	"stream" smallint,
	"epoch" integer,
	"sequence" bigint,
	"company_id" integer NOT NULL,
	"hash" bytea NOT NULL,
	"shard" smallint NOT NULL,
	"position" bigint NOT NULL,
	CONSTRAINT "batch_guard_pkey" PRIMARY KEY("edge_id","stream","epoch","sequence")
);
--> statement-breakpoint
CREATE TABLE "batch_log" (
	"shard" smallint,
	"position" bigint,
	"received_at" timestamp with time zone,
	"company_id" integer NOT NULL,
	"edge_id" integer NOT NULL,
	"epoch" integer NOT NULL,
	"sequence" bigint NOT NULL,
	"reading_count" integer NOT NULL,
	"read_from" timestamp with time zone,
	"read_to" timestamp with time zone,
	"carried" bytea NOT NULL,
	CONSTRAINT "batch_log_pkey" PRIMARY KEY("shard","position","received_at")
) PARTITION BY RANGE ("received_at");
--> statement-breakpoint
CREATE TABLE "batch_quarantine" (
	"hash" bytea,
	"code" text,
	"message" text NOT NULL,
	"company_id" integer,
	"edge_id" integer,
	"received_at" timestamp with time zone NOT NULL,
	"carried" bytea NOT NULL,
	CONSTRAINT "batch_quarantine_pkey" PRIMARY KEY("hash","code")
);
--> statement-breakpoint
CREATE TABLE "log_head" (
	"shard" smallint PRIMARY KEY,
	"position" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rating_cursor" (
	"shard" smallint PRIMARY KEY,
	"position" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "reading_exception" (
	"edge_id" integer,
	"epoch" integer,
	"sequence" bigint,
	"row" integer,
	"company_id" integer NOT NULL,
	"meter_id" integer NOT NULL,
	"channel" smallint,
	"read_at" timestamp with time zone NOT NULL,
	"value" bigint NOT NULL,
	"code" text NOT NULL,
	"message" text NOT NULL,
	CONSTRAINT "reading_exception_pkey" PRIMARY KEY("edge_id","epoch","sequence","channel","row")
);
--> statement-breakpoint
CREATE TABLE "account" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "account_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"customer_id" integer NOT NULL,
	"number" text NOT NULL,
	"currency" text NOT NULL,
	CONSTRAINT "account_company_id_number_unique" UNIQUE("company_id","number"),
	CONSTRAINT "account_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "bus" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "bus_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"edge_id" integer NOT NULL,
	"name" text NOT NULL,
	"address" jsonb NOT NULL,
	"poll_interval_ms" integer NOT NULL,
	CONSTRAINT "bus_edge_id_name_unique" UNIQUE("edge_id","name"),
	CONSTRAINT "bus_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "company" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "company_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL UNIQUE
);
--> statement-breakpoint
CREATE TABLE "customer" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "customer_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"name" text NOT NULL,
	CONSTRAINT "customer_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "edge" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "edge_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"name" text NOT NULL,
	"log_shard" smallint NOT NULL,
	"epoch" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "edge_company_id_name_unique" UNIQUE("company_id","name"),
	CONSTRAINT "edge_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "edge_key" (
	"key_id" bytea PRIMARY KEY,
	"company_id" integer NOT NULL,
	"edge_id" integer NOT NULL,
	"public_key" bytea NOT NULL,
	"revoked_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "meter" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "meter_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"edge_id" integer NOT NULL,
	"service_point_id" integer NOT NULL,
	"serial" text NOT NULL,
	"bus_id" integer,
	"unit_id" smallint,
	"map_name" text NOT NULL,
	"power_max_w" integer NOT NULL,
	"register_modulus_wh" bigint,
	"contactor_unit_id" smallint,
	"contactor_coil" smallint,
	CONSTRAINT "meter_company_id_serial_unique" UNIQUE("company_id","serial"),
	CONSTRAINT "meter_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "meter_bus_id_unit_id_unique" UNIQUE("bus_id","unit_id"),
	CONSTRAINT "meter_power_max" CHECK ("power_max_w" > 0)
);
--> statement-breakpoint
CREATE TABLE "service_point" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "service_point_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"name" text NOT NULL,
	"time_zone" text NOT NULL,
	CONSTRAINT "service_point_company_id_name_unique" UNIQUE("company_id","name"),
	CONSTRAINT "service_point_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "charge" (
	"agreement_id" integer,
	"meter_id" integer,
	"period_start" timestamp with time zone,
	"tariff_version_id" integer,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"accumulator" bytea NOT NULL,
	"energy_wh" bigint NOT NULL,
	"amount_micros" bigint NOT NULL,
	"revision" integer NOT NULL,
	CONSTRAINT "charge_pkey" PRIMARY KEY("agreement_id","meter_id","period_start","tariff_version_id")
);
--> statement-breakpoint
CREATE TABLE "rerate_duty" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "rerate_duty_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"meter_id" integer NOT NULL,
	"from_day" integer NOT NULL,
	"reason" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "series_day" (
	"meter_id" integer,
	"channel" smallint,
	"day" integer,
	"company_id" integer NOT NULL,
	"bytes" bytea NOT NULL,
	"carry_in" bytea,
	"revision" integer NOT NULL,
	CONSTRAINT "series_day_pkey" PRIMARY KEY("meter_id","channel","day")
);
--> statement-breakpoint
CREATE TABLE "series_head" (
	"meter_id" integer,
	"channel" smallint,
	"company_id" integer NOT NULL,
	"carry" bytea NOT NULL,
	"last_read_at" timestamp with time zone NOT NULL,
	"last_value_wh" bigint NOT NULL,
	"last_power_w" integer,
	CONSTRAINT "series_head_pkey" PRIMARY KEY("meter_id","channel")
);
--> statement-breakpoint
CREATE TABLE "unrated_energy" (
	"meter_id" integer,
	"period_start" timestamp with time zone,
	"code" text,
	"company_id" integer NOT NULL,
	"energy_wh" bigint NOT NULL,
	"slot_count" integer NOT NULL,
	CONSTRAINT "unrated_energy_pkey" PRIMARY KEY("meter_id","period_start","code")
);
--> statement-breakpoint
CREATE TABLE "agreement" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "agreement_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"service_point_id" integer NOT NULL,
	"tariff_id" integer NOT NULL,
	"mode" text NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	"valid_to" timestamp with time zone,
	"balance_limit_micros" bigint NOT NULL,
	"reconnect_micros" bigint NOT NULL,
	CONSTRAINT "agreement_company_id_id_unique" UNIQUE("company_id","id"),
	CONSTRAINT "agreement_hysteresis" CHECK ("reconnect_micros" > "balance_limit_micros"),
	CONSTRAINT "agreement_validity" CHECK ("valid_to" is null or "valid_to" > "valid_from")
);
--> statement-breakpoint
CREATE TABLE "tariff" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "tariff_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"name" text NOT NULL,
	"currency" text NOT NULL,
	CONSTRAINT "tariff_company_id_name_unique" UNIQUE("company_id","name"),
	CONSTRAINT "tariff_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "tariff_version" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "tariff_version_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"tariff_id" integer NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	"document" jsonb NOT NULL,
	"published_at" timestamp with time zone NOT NULL,
	"published_by" text NOT NULL,
	CONSTRAINT "tariff_version_tariff_id_valid_from_unique" UNIQUE("tariff_id","valid_from")
);
--> statement-breakpoint
CREATE INDEX "audit_entry_company_id_at_index" ON "audit_entry" ("company_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "command_open" ON "command" ("meter_id") WHERE "state" in ('requested', 'queued', 'sent', 'acknowledged');--> statement-breakpoint
CREATE INDEX "command_meter_id_requested_at_index" ON "command" ("meter_id","requested_at");--> statement-breakpoint
CREATE INDEX "command_account_id_index" ON "command" ("account_id");--> statement-breakpoint
CREATE INDEX "event_company_id_at_index" ON "event" ("company_id","at");--> statement-breakpoint
CREATE INDEX "ledger_account_account_id_index" ON "ledger_account" ("account_id");--> statement-breakpoint
CREATE INDEX "transfer_account_id_posted_at_index" ON "transfer" ("account_id","posted_at");--> statement-breakpoint
CREATE INDEX "batch_log_edge_id_read_to_index" ON "batch_log" ("edge_id","read_to");--> statement-breakpoint
CREATE INDEX "batch_quarantine_company_id_received_at_index" ON "batch_quarantine" ("company_id","received_at");--> statement-breakpoint
CREATE INDEX "reading_exception_meter_id_read_at_index" ON "reading_exception" ("meter_id","read_at");--> statement-breakpoint
CREATE INDEX "meter_edge_id_index" ON "meter" ("edge_id");--> statement-breakpoint
CREATE INDEX "meter_service_point_id_index" ON "meter" ("service_point_id");--> statement-breakpoint
CREATE INDEX "charge_meter_id_period_start_index" ON "charge" ("meter_id","period_start");--> statement-breakpoint
CREATE INDEX "charge_account_id_period_start_index" ON "charge" ("account_id","period_start");--> statement-breakpoint
CREATE INDEX "rerate_duty_meter_id_index" ON "rerate_duty" ("meter_id");--> statement-breakpoint
CREATE INDEX "agreement_service_point_id_index" ON "agreement" ("service_point_id");--> statement-breakpoint
CREATE INDEX "agreement_account_id_index" ON "agreement" ("account_id");--> statement-breakpoint
CREATE INDEX "agreement_tariff_id_index" ON "agreement" ("tariff_id");--> statement-breakpoint
ALTER TABLE "idempotency_key" ADD CONSTRAINT "idempotency_key_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "persisted_operation" ADD CONSTRAINT "persisted_operation_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "command" ADD CONSTRAINT "command_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "command_step" ADD CONSTRAINT "command_step_company_id_command_id_command_company_id_id_fkey" FOREIGN KEY ("company_id","command_id") REFERENCES "command"("company_id","id");--> statement-breakpoint
ALTER TABLE "supply" ADD CONSTRAINT "supply_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "account_balance" ADD CONSTRAINT "account_balance_zddC6J4JcG4U_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "ledger_account" ADD CONSTRAINT "ledger_account_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "ledger_account" ADD CONSTRAINT "ledger_account_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "batch_guard" ADD CONSTRAINT "batch_guard_company_id_edge_id_edge_company_id_id_fkey" FOREIGN KEY ("company_id","edge_id") REFERENCES "edge"("company_id","id");--> statement-breakpoint
ALTER TABLE "account" ADD CONSTRAINT "account_company_id_customer_id_customer_company_id_id_fkey" FOREIGN KEY ("company_id","customer_id") REFERENCES "customer"("company_id","id");--> statement-breakpoint
ALTER TABLE "bus" ADD CONSTRAINT "bus_company_id_edge_id_edge_company_id_id_fkey" FOREIGN KEY ("company_id","edge_id") REFERENCES "edge"("company_id","id");--> statement-breakpoint
ALTER TABLE "customer" ADD CONSTRAINT "customer_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "edge" ADD CONSTRAINT "edge_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "edge_key" ADD CONSTRAINT "edge_key_company_id_edge_id_edge_company_id_id_fkey" FOREIGN KEY ("company_id","edge_id") REFERENCES "edge"("company_id","id");--> statement-breakpoint
ALTER TABLE "meter" ADD CONSTRAINT "meter_company_id_edge_id_edge_company_id_id_fkey" FOREIGN KEY ("company_id","edge_id") REFERENCES "edge"("company_id","id");--> statement-breakpoint
ALTER TABLE "meter" ADD CONSTRAINT "meter_company_id_bus_id_bus_company_id_id_fkey" FOREIGN KEY ("company_id","bus_id") REFERENCES "bus"("company_id","id");--> statement-breakpoint
ALTER TABLE "meter" ADD CONSTRAINT "meter_rxeyImNKzaE1_fkey" FOREIGN KEY ("company_id","service_point_id") REFERENCES "service_point"("company_id","id");--> statement-breakpoint
ALTER TABLE "service_point" ADD CONSTRAINT "service_point_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "charge" ADD CONSTRAINT "charge_company_id_agreement_id_agreement_company_id_id_fkey" FOREIGN KEY ("company_id","agreement_id") REFERENCES "agreement"("company_id","id");--> statement-breakpoint
ALTER TABLE "series_day" ADD CONSTRAINT "series_day_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "series_head" ADD CONSTRAINT "series_head_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "agreement" ADD CONSTRAINT "agreement_company_id_account_id_account_company_id_id_fkey" FOREIGN KEY ("company_id","account_id") REFERENCES "account"("company_id","id");--> statement-breakpoint
ALTER TABLE "agreement" ADD CONSTRAINT "agreement_vWmAN9mjLLCw_fkey" FOREIGN KEY ("company_id","service_point_id") REFERENCES "service_point"("company_id","id");--> statement-breakpoint
ALTER TABLE "agreement" ADD CONSTRAINT "agreement_company_id_tariff_id_tariff_company_id_id_fkey" FOREIGN KEY ("company_id","tariff_id") REFERENCES "tariff"("company_id","id");--> statement-breakpoint
ALTER TABLE "tariff" ADD CONSTRAINT "tariff_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");--> statement-breakpoint
ALTER TABLE "tariff_version" ADD CONSTRAINT "tariff_version_company_id_tariff_id_tariff_company_id_id_fkey" FOREIGN KEY ("company_id","tariff_id") REFERENCES "tariff"("company_id","id");