-- The same check as before, written as a count: for EXISTS the planner looks for the plan that finds
-- a first row soonest, and looked up the two accounts of each transfer one by one.
CREATE OR REPLACE FUNCTION check_transfer_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE foreign_count bigint; BEGIN
  SELECT count(*) INTO foreign_count FROM posted p
  LEFT JOIN ledger_account d
    ON d.id = p.debit_id AND d.company_id = p.company_id AND d.currency = p.currency
  LEFT JOIN ledger_account c
    ON c.id = p.credit_id AND c.company_id = p.company_id AND c.currency = p.currency
  WHERE d.id IS NULL OR c.id IS NULL
    OR p.account_id IS DISTINCT FROM coalesce(d.account_id, c.account_id);
  IF foreign_count > 0 THEN
    RAISE EXCEPTION 'TRANSFER_ACCOUNT_FOREIGN: both ledger accounts of a transfer belong to its company, currency and account'
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
