CREATE TABLE "keypad_choice" (
	"payment_id" uuid PRIMARY KEY,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"meter_id" integer NOT NULL,
	"chosen_at" timestamp with time zone NOT NULL,
	"chosen_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "keypad_claim" (
	"payment_id" uuid,
	"part" smallint,
	"company_id" integer NOT NULL,
	"account_id" integer NOT NULL,
	"amount_micros" bigint NOT NULL,
	"claimed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "keypad_claim_pkey" PRIMARY KEY("payment_id","part")
);
--> statement-breakpoint
ALTER TABLE "token_issue" ADD COLUMN "kind" text DEFAULT 'add' NOT NULL;--> statement-breakpoint
ALTER TABLE "token_issue" ALTER COLUMN "payment_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "keypad_choice" ADD CONSTRAINT "keypad_choice_company_id_payment_id_payment_company_id_id_fkey" FOREIGN KEY ("company_id","payment_id") REFERENCES "payment"("company_id","id");--> statement-breakpoint
ALTER TABLE "keypad_choice" ADD CONSTRAINT "keypad_choice_DSGKROLz8XF7_fkey" FOREIGN KEY ("company_id","meter_id") REFERENCES "token_device"("company_id","meter_id");--> statement-breakpoint
ALTER TABLE "keypad_claim" ADD CONSTRAINT "keypad_claim_company_id_payment_id_payment_company_id_id_fkey" FOREIGN KEY ("company_id","payment_id") REFERENCES "payment"("company_id","id");--> statement-breakpoint
ALTER TABLE "token_issue" ADD CONSTRAINT "token_issue_payment" CHECK (("kind" = 'add') = ("payment_id" is not null));