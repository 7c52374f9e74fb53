ALTER TABLE "charge_hold" ADD COLUMN "difference_micros" bigint;--> statement-breakpoint
CREATE INDEX "charge_hold_company_id_held_at_index" ON "charge_hold" ("company_id","held_at");