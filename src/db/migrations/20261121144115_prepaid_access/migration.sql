-- Row-level security on what money and protection added.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY[
    'pending_transfer', 'pending_end', 'payment_channel', 'payment_agent', 'provider_event',
    'payment', 'payment_step', 'receipt_head', 'payment_receipt', 'bank_statement', 'bank_entry',
    'voucher_batch', 'voucher_end', 'token_device', 'token_issue', 'prepaid_policy',
    'account_policy', 'notice_arm', 'notice', 'notice_step', 'emergency_credit',
    'emergency_credit_end', 'debt_plan', 'debt_day', 'auto_top_up', 'protection',
    'protection_end', 'weather_advisory', 'command_certificate', 'breaker_trip', 'approval',
    'work_order', 'work_order_end', 'supply_change'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY %I ON %I TO joulebook_api
         USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))
         WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))',
      name || '_staff', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- A subscriber sees the rows of its own account.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY[
    'pending_transfer', 'payment', 'payment_step', 'payment_receipt', 'account_policy', 'notice',
    'notice_step', 'emergency_credit', 'emergency_credit_end', 'debt_plan', 'debt_day',
    'auto_top_up', 'protection', 'command_certificate', 'token_issue'
  ] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR SELECT TO joulebook_api
         USING (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()))',
      name || '_subscriber', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- What it may write of its own: payments and their traces, emergency credit, its standing order.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY[
    'payment', 'payment_step', 'payment_receipt', 'notice', 'notice_step', 'notice_arm',
    'emergency_credit', 'emergency_credit_end', 'auto_top_up', 'token_issue', 'debt_day'
  ] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR INSERT TO joulebook_api
         WITH CHECK (company_id = (SELECT viewer_company())
                     AND account_id = (SELECT viewer_account()))',
      name || '_own', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['auto_top_up', 'notice_arm'] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR UPDATE TO joulebook_api
         USING (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()))
         WITH CHECK (company_id = (SELECT viewer_company())
                     AND account_id = (SELECT viewer_account()))',
      name || '_change', name);
  END LOOP;
END $$;
--> statement-breakpoint
CREATE POLICY notice_arm_subscriber ON notice_arm FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()));
--> statement-breakpoint
-- What everybody of a company may know: how to pay, and what is promised.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['payment_channel', 'prepaid_policy', 'weather_advisory',
    'breaker_trip', 'approval'] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR SELECT TO joulebook_api
         USING (company_id = (SELECT viewer_company()))', name || '_viewer', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- The end of a protection follows its protection, a change of supply its meter.
CREATE POLICY protection_end_subscriber ON protection_end FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company())
         AND EXISTS (SELECT FROM protection p WHERE p.id = protection_end.protection_id));
--> statement-breakpoint
CREATE POLICY supply_change_subscriber ON supply_change FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company())
         AND EXISTS (SELECT FROM meter m WHERE m.id = supply_change.meter_id));
--> statement-breakpoint
-- A voucher is used by whoever holds it; the receipt takes its number from the company's row.
CREATE POLICY voucher_batch_viewer ON voucher_batch FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY voucher_end_viewer ON voucher_end FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY voucher_end_own ON voucher_end FOR INSERT TO joulebook_api
  WITH CHECK (company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY receipt_head_viewer ON receipt_head TO joulebook_api
  USING (company_id = (SELECT viewer_company()))
  WITH CHECK (company_id = (SELECT viewer_company()));
--> statement-breakpoint

GRANT SELECT, INSERT ON pending_transfer, pending_end, payment_channel, payment_agent,
  provider_event, payment, payment_step, receipt_head, payment_receipt, bank_statement,
  bank_entry, voucher_batch, voucher_end, token_device, token_issue, prepaid_policy,
  account_policy, notice_arm, notice, notice_step, emergency_credit, emergency_credit_end,
  debt_plan, debt_day, auto_top_up, protection, protection_end, weather_advisory,
  command_certificate, breaker_trip, approval, work_order, work_order_end
  TO joulebook_api, joulebook_writer;
--> statement-breakpoint
GRANT SELECT ON supply_change, restore_mark TO joulebook_api;
--> statement-breakpoint
GRANT SELECT, INSERT ON supply_change, signing_key, seal, restore_mark TO joulebook_writer;
--> statement-breakpoint
GRANT INSERT ON ledger_account TO joulebook_api;
--> statement-breakpoint
CREATE POLICY ledger_account_staff ON ledger_account FOR INSERT TO joulebook_api
  WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()));
--> statement-breakpoint
GRANT UPDATE (reserved_micros) ON account_balance TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (is_active, settings) ON payment_channel TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (is_active, float_limit_micros) ON payment_agent TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (number) ON receipt_head TO joulebook_api, joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (token_count) ON token_device TO joulebook_api, joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (is_armed, breach) ON notice_arm TO joulebook_api, joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (channel_id, instrument, below_micros, amount_micros, daily_max_micros, is_active)
  ON auto_top_up TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (is_active) ON auto_top_up TO joulebook_writer;
--> statement-breakpoint

-- Append only, for every role, the owner too.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['pending_transfer', 'pending_end', 'provider_event', 'payment',
    'payment_step', 'payment_receipt', 'bank_statement', 'bank_entry', 'voucher_batch',
    'voucher_end', 'token_issue', 'prepaid_policy', 'account_policy', 'notice', 'notice_step',
    'emergency_credit', 'emergency_credit_end', 'debt_plan', 'debt_day', 'protection',
    'protection_end', 'weather_advisory', 'command_certificate', 'breaker_trip', 'approval',
    'work_order', 'work_order_end', 'supply_change', 'signing_key', 'seal', 'restore_mark'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- What a pending transfer speaks for is held like a transfer.
CREATE TRIGGER pending_transfer_accounts AFTER INSERT ON pending_transfer
  REFERENCING NEW TABLE AS posted
  FOR EACH STATEMENT EXECUTE FUNCTION check_transfer_accounts();
--> statement-breakpoint
-- Two customers never pay each other, and nobody pays an agent's cash in another's name: both
-- sides of a transfer that belong to an account belong to the same one. Written as a count, so that
-- the planner does not look up the two accounts of each transfer one by one.
CREATE OR REPLACE FUNCTION check_transfer_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE foreign_count bigint; BEGIN
  SELECT count(*) INTO foreign_count FROM posted p
  LEFT JOIN ledger_account d
    ON d.id = p.debit_id AND d.company_id = p.company_id AND d.currency = p.currency
  LEFT JOIN ledger_account c
    ON c.id = p.credit_id AND c.company_id = p.company_id AND c.currency = p.currency
  WHERE d.id IS NULL OR c.id IS NULL
    OR p.account_id IS DISTINCT FROM coalesce(d.account_id, c.account_id)
    OR d.account_id <> c.account_id;
  IF foreign_count > 0 THEN
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
--> statement-breakpoint
-- A counter for each currency that a company is paid in already.
INSERT INTO payment_channel (company_id, name, kind, currency)
  SELECT DISTINCT company_id, 'counter ' || currency, 'counter', currency FROM account
  ON CONFLICT DO NOTHING;
--> statement-breakpoint
-- A subscriber's own top-up is told like a provider's word, about a payment of its own.
CREATE POLICY provider_event_subscriber ON provider_event FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company())
         AND EXISTS (SELECT FROM payment p WHERE p.id = provider_event.payment_id
                     AND p.account_id = (SELECT viewer_account())));
--> statement-breakpoint
CREATE POLICY provider_event_own ON provider_event FOR INSERT TO joulebook_api
  WITH CHECK (company_id = (SELECT viewer_company())
              AND EXISTS (SELECT FROM payment p WHERE p.id = provider_event.payment_id
                          AND p.account_id = (SELECT viewer_account())));
--> statement-breakpoint
-- A payment that nobody knew and that was allocated is the account's from then on.
CREATE POLICY payment_allocated ON payment FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company())
         AND EXISTS (SELECT FROM payment_step s WHERE s.payment_id = payment.id
                     AND s.kind = 'allocated' AND s.account_id = (SELECT viewer_account())));
--> statement-breakpoint
-- Row-level security on what waits for a cut and what is watched behind one.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['supply_wait', 'supply_watch'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY %I ON %I TO joulebook_api
         USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))
         WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))',
      name || '_staff', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- A payment decides over the payer's own supply: what waits there, and why it comes back.
CREATE POLICY supply_wait_own ON supply_wait TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()))
  WITH CHECK (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()));
--> statement-breakpoint
CREATE POLICY command_certificate_own ON command_certificate FOR INSERT TO joulebook_api
  WITH CHECK (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()));
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON supply_wait TO joulebook_api, joulebook_writer;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON supply_watch TO joulebook_writer;
--> statement-breakpoint
GRANT SELECT ON supply_watch TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (region) ON service_point TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (limiter_register) ON meter TO joulebook_writer, joulebook_api;
--> statement-breakpoint
-- How many cuts a region had of late; accounts whose supply is protected.
CREATE INDEX command_automatic_cut ON command (company_id, requested_at)
  WHERE cause = 'automatic' AND kind IN ('disconnect', 'limit');
--> statement-breakpoint
CREATE INDEX service_point_region ON service_point (company_id, region);
--> statement-breakpoint
ALTER TABLE prepaid_forecast ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE prepaid_forecast FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY prepaid_forecast_staff ON prepaid_forecast FOR SELECT TO joulebook_api
  USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY prepaid_forecast_subscriber ON prepaid_forecast FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()));
--> statement-breakpoint
GRANT SELECT ON prepaid_forecast TO joulebook_api;
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE ON prepaid_forecast TO joulebook_writer;
