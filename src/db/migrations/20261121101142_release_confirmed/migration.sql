ALTER TABLE "vee_resolution" DROP CONSTRAINT "vee_resolution_pkey";--> statement-breakpoint
ALTER TABLE "vee_resolution" ADD PRIMARY KEY ("decision_id","kind");