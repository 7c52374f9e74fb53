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
