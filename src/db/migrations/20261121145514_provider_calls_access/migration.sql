ALTER TABLE provider_call ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE provider_call FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY provider_call_staff ON provider_call TO joulebook_api
  USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))
  WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()));
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE (tries, next_try_at, ended_at, outcome, payment_id, detail)
  ON provider_call TO joulebook_api, joulebook_writer;
--> statement-breakpoint
-- A token is issued by the payment of its customer, who may not see other devices.
CREATE POLICY token_device_subscriber ON token_device FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company())
         AND EXISTS (SELECT FROM meter m WHERE m.id = token_device.meter_id));
--> statement-breakpoint
CREATE POLICY token_device_change ON token_device FOR UPDATE TO joulebook_api
  USING (company_id = (SELECT viewer_company())
         AND EXISTS (SELECT FROM meter m WHERE m.id = token_device.meter_id))
  WITH CHECK (company_id = (SELECT viewer_company())
              AND EXISTS (SELECT FROM meter m WHERE m.id = token_device.meter_id));
--> statement-breakpoint
GRANT UPDATE (carried_micros) ON token_device TO joulebook_api, joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (unit_micros) ON token_device TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (paused_code) ON auto_top_up TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (breaches, paused_code) ON auto_top_up TO joulebook_writer;
