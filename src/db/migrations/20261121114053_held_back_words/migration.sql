ALTER TABLE "exception_resolution" RENAME COLUMN "taken_at" TO "resolved_at";--> statement-breakpoint
ALTER TABLE "exception_resolution" ADD COLUMN "kind" text DEFAULT 'taken' NOT NULL;--> statement-breakpoint
ALTER TABLE "exception_resolution" ADD COLUMN "actor" text;--> statement-breakpoint
ALTER TABLE "exception_resolution" ADD COLUMN "reason" text;--> statement-breakpoint
ALTER TABLE "rerate_duty" ADD COLUMN "after" bigint[];--> statement-breakpoint
ALTER TABLE "rerate_duty" ADD COLUMN "failed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "rerate_duty" ADD COLUMN "failure" text;--> statement-breakpoint
ALTER TABLE "exception_resolution" ADD CONSTRAINT "exception_resolution_word" CHECK (case "kind" when 'taken' then "actor" is null and "reason" is null
          when 'dismissed' then "actor" is not null and "reason" is not null
          else false end);--> statement-breakpoint
ALTER TABLE "rerate_duty" ADD CONSTRAINT "rerate_duty_failure" CHECK (("failed_at" is null) = ("failure" is null));