ALTER TABLE "vee_duty" ADD COLUMN "id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "vee_duty_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1);--> statement-breakpoint
ALTER TABLE "vee_duty" ADD COLUMN "failed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "vee_duty" ADD COLUMN "failure" text;--> statement-breakpoint
ALTER TABLE "vee_duty" DROP CONSTRAINT "vee_duty_pkey";--> statement-breakpoint
ALTER TABLE "vee_duty" ADD PRIMARY KEY ("id");--> statement-breakpoint
CREATE UNIQUE INDEX "vee_duty_waiting" ON "vee_duty" ("meter_id") WHERE "failed_at" is null;--> statement-breakpoint
ALTER TABLE "vee_duty" ADD CONSTRAINT "vee_duty_failure" CHECK (("failed_at" is null) = ("failure" is null));