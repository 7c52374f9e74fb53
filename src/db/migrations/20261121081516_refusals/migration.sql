CREATE TABLE "quarantine_quota" (
	"sender" integer PRIMARY KEY,
	"minute" integer NOT NULL,
	"kept_in_minute" integer NOT NULL,
	"kept" bigint NOT NULL,
	"kept_bytes" bigint NOT NULL,
	"only_counted" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "batch_guard" ADD COLUMN "previous_hash" bytea;--> statement-breakpoint
ALTER TABLE "audit_entry" ALTER COLUMN "company_id" DROP NOT NULL;