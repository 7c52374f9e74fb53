CREATE TABLE "edge_progress" (
	"edge_id" integer,
	"stream" smallint,
	"epoch" integer,
	"company_id" integer NOT NULL,
	"contiguous" bigint NOT NULL,
	"highest" bigint NOT NULL,
	"batch_count" bigint NOT NULL,
	"reading_count" bigint NOT NULL,
	"last_received_at" timestamp with time zone NOT NULL,
	CONSTRAINT "edge_progress_pkey" PRIMARY KEY("edge_id","stream","epoch")
);
--> statement-breakpoint
CREATE TABLE "office_batch" (
	"edge_id" integer,
	"epoch" integer,
	"sequence" bigint,
	"company_id" integer NOT NULL,
	"kind" text NOT NULL,
	"author" text NOT NULL,
	"reason" text NOT NULL,
	"entered_at" timestamp with time zone NOT NULL,
	"quarantine_hash" bytea,
	CONSTRAINT "office_batch_pkey" PRIMARY KEY("edge_id","epoch","sequence")
);
--> statement-breakpoint
CREATE TABLE "quarantine_resolution" (
	"hash" bytea,
	"code" text,
	"company_id" integer,
	"kind" text NOT NULL,
	"actor" text NOT NULL,
	"reason" text NOT NULL,
	"resolved_at" timestamp with time zone NOT NULL,
	CONSTRAINT "quarantine_resolution_pkey" PRIMARY KEY("hash","code")
);
--> statement-breakpoint
CREATE TABLE "meter_event" (
	"meter_id" integer,
	"code" smallint,
	"from_at" timestamp with time zone,
	"to_at" timestamp with time zone,
	"company_id" integer NOT NULL,
	"edge_id" integer NOT NULL,
	"epoch" integer NOT NULL,
	"sequence" bigint NOT NULL,
	CONSTRAINT "meter_event_pkey" PRIMARY KEY("meter_id","code","from_at","to_at")
);
--> statement-breakpoint
CREATE TABLE "register_mark" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "register_mark_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"meter_id" integer NOT NULL,
	"channel" smallint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"final_value" bigint,
	"start_value" bigint,
	"numerator" bigint NOT NULL,
	"denominator" bigint NOT NULL,
	"author" text NOT NULL,
	"reason" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "vee_decision" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "vee_decision_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"meter_id" integer NOT NULL,
	"channel" smallint NOT NULL,
	"from_at" timestamp with time zone NOT NULL,
	"to_at" timestamp with time zone NOT NULL,
	"rule" text NOT NULL,
	"outcome" text NOT NULL,
	"message" text NOT NULL,
	"detail" jsonb NOT NULL,
	"digest" bytea NOT NULL,
	"decided_at" timestamp with time zone NOT NULL,
	"withdrawn_at" timestamp with time zone,
	CONSTRAINT "vee_decision_meter_id_channel_digest_unique" UNIQUE("meter_id","channel","digest"),
	CONSTRAINT "vee_decision_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
CREATE TABLE "vee_resolution" (
	"decision_id" bigint PRIMARY KEY,
	"company_id" integer NOT NULL,
	"kind" text NOT NULL,
	"actor" text NOT NULL,
	"reason" text NOT NULL,
	"resolved_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "vee_set" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "vee_set_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"company_id" integer NOT NULL,
	"customer_class" text NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	"document" jsonb NOT NULL,
	"author" text NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	CONSTRAINT "vee_set_company_id_id_unique" UNIQUE("company_id","id")
);
--> statement-breakpoint
ALTER TABLE "batch_log" ADD COLUMN "stream" smallint DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "reading_exception" ADD COLUMN "stream" smallint DEFAULT 1;--> statement-breakpoint
ALTER TABLE "edge" ADD COLUMN "kind" text DEFAULT 'gateway' NOT NULL;--> statement-breakpoint
ALTER TABLE "meter" ADD COLUMN "medium" text DEFAULT 'electricity' NOT NULL;--> statement-breakpoint
ALTER TABLE "service_point" ADD COLUMN "customer_class" text DEFAULT 'community' NOT NULL;--> statement-breakpoint
ALTER TABLE "service_point" ADD COLUMN "is_occupied" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "reading_exception" DROP CONSTRAINT "reading_exception_pkey";--> statement-breakpoint
ALTER TABLE "reading_exception" ADD PRIMARY KEY ("edge_id","stream","epoch","sequence","channel","row");--> statement-breakpoint
CREATE INDEX "office_batch_company_id_entered_at_index" ON "office_batch" ("company_id","entered_at");--> statement-breakpoint
CREATE INDEX "register_mark_meter_id_channel_at_index" ON "register_mark" ("meter_id","channel","at");--> statement-breakpoint
CREATE INDEX "vee_decision_company_id_decided_at_index" ON "vee_decision" ("company_id","decided_at");--> statement-breakpoint
CREATE INDEX "vee_decision_meter_id_channel_from_at_index" ON "vee_decision" ("meter_id","channel","from_at");--> statement-breakpoint
CREATE INDEX "vee_set_company_id_customer_class_valid_from_index" ON "vee_set" ("company_id","customer_class","valid_from");--> statement-breakpoint
ALTER TABLE "edge_progress" ADD CONSTRAINT "edge_progress_company_id_edge_id_edge_company_id_id_fkey" FOREIGN KEY ("company_id","edge_id") REFERENCES "edge"("company_id","id");--> statement-breakpoint
ALTER TABLE "office_batch" ADD CONSTRAINT "office_batch_company_id_edge_id_edge_company_id_id_fkey" FOREIGN KEY ("company_id","edge_id") REFERENCES "edge"("company_id","id");--> statement-breakpoint
ALTER TABLE "meter_event" ADD CONSTRAINT "meter_event_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "register_mark" ADD CONSTRAINT "register_mark_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "vee_decision" ADD CONSTRAINT "vee_decision_company_id_meter_id_meter_company_id_id_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "meter"("company_id","id");--> statement-breakpoint
ALTER TABLE "vee_resolution" ADD CONSTRAINT "vee_resolution_SOnHUsD8B8RA_fkey" FOREIGN KEY ("company_id","decision_id") REFERENCES "vee_decision"("company_id","id");--> statement-breakpoint
ALTER TABLE "vee_set" ADD CONSTRAINT "vee_set_company_id_company_id_fkey" FOREIGN KEY ("company_id") REFERENCES "company"("id");