CREATE INDEX "transfer_house_debit" ON "transfer" ("debit_id") WHERE "account_id" is null;--> statement-breakpoint
CREATE INDEX "transfer_house_credit" ON "transfer" ("credit_id") WHERE "account_id" is null;--> statement-breakpoint
CREATE INDEX "payment_agent_id_index" ON "payment" ("agent_id") WHERE "agent_id" is not null;