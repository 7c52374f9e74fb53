DROP INDEX "work_order_meter_id_index";--> statement-breakpoint
ALTER TABLE "work_order" ADD COLUMN "ordinal" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
-- Orders of before are numbered once, which the guard of a table that is only appended to forbids.
ALTER TABLE "work_order" DISABLE TRIGGER append_only;--> statement-breakpoint
UPDATE "work_order" o SET "ordinal" = n.earlier FROM (
  SELECT "id", row_number() OVER (
    PARTITION BY "meter_id", "kind", coalesce("detail"->>'command', '')
    ORDER BY "opened_at", "id") - 1 AS earlier
  FROM "work_order") n WHERE n."id" = o."id";--> statement-breakpoint
ALTER TABLE "work_order" ENABLE TRIGGER append_only;--> statement-breakpoint
CREATE UNIQUE INDEX "work_order_once" ON "work_order" ("meter_id","kind",coalesce("detail"->>'command', ''),"ordinal");