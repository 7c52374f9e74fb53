-- Two customers never pay each other, and nobody pays an agent's cash in another's name: both
-- sides of a transfer that belong to an account belong to the same one.
CREATE OR REPLACE FUNCTION check_transfer_accounts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (
    SELECT FROM posted p
    LEFT JOIN ledger_account d
      ON d.id = p.debit_id AND d.company_id = p.company_id AND d.currency = p.currency
    LEFT JOIN ledger_account c
      ON c.id = p.credit_id AND c.company_id = p.company_id AND c.currency = p.currency
    WHERE d.id IS NULL OR c.id IS NULL
      OR p.account_id IS DISTINCT FROM coalesce(d.account_id, c.account_id)
      OR d.account_id <> c.account_id
  ) THEN
    RAISE EXCEPTION 'TRANSFER_ACCOUNT_FOREIGN: both ledger accounts of a transfer belong to its company, currency and account'
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
-- A ledger account is made when it is first posted to, also by a subscriber who pays: its own, or
-- one of the company that it posts against. An empty one says nothing.
CREATE POLICY ledger_account_own ON ledger_account FOR INSERT TO joulebook_api
  WITH CHECK (company_id = (SELECT viewer_company()) AND agent_id IS NULL
              AND (account_id IS NULL OR account_id = (SELECT viewer_account())));
