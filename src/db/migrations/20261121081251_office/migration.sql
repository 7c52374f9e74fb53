CREATE TABLE "exception_resolution" (
	"edge_id" integer,
	"stream" smallint,
	"epoch" integer,
	"sequence" bigint,
	"channel" smallint,
	"row" integer,
	"company_id" integer NOT NULL,
	"meter_id" integer NOT NULL,
	"taken_at" timestamp with time zone NOT NULL,
	CONSTRAINT "exception_resolution_pkey" PRIMARY KEY("edge_id","stream","epoch","sequence","channel","row")
);
--> statement-breakpoint
CREATE TABLE "log_dropped" (
	"day" date,
	"shard" smallint,
	"position_min" bigint NOT NULL,
	"position_max" bigint NOT NULL,
	"batch_count" bigint NOT NULL,
	"reading_count" bigint NOT NULL,
	"dropped_by" text NOT NULL,
	"dropped_at" timestamp with time zone NOT NULL,
	CONSTRAINT "log_dropped_pkey" PRIMARY KEY("day","shard")
);
--> statement-breakpoint
CREATE INDEX "batch_log_long_index" ON "batch_log" ("edge_id","read_to") WHERE read_to - read_from > interval '1 day';--> statement-breakpoint
CREATE INDEX "exception_resolution_meter_id_index" ON "exception_resolution" ("meter_id");--> statement-breakpoint
CREATE UNIQUE INDEX "edge_office_index" ON "edge" ("company_id") WHERE kind = 'office';--> statement-breakpoint
ALTER TABLE "exception_resolution" ADD CONSTRAINT "exception_resolution_company_id_edge_id_edge_company_id_id_fkey" FOREIGN KEY ("company_id","edge_id") REFERENCES "edge"("company_id","id");