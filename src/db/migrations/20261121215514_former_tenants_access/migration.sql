-- Marks are told as far as days of the series are: without them the same readings are other energy,
-- and earlier ones say what a register of today stands for. Later ones are of who has come since.
DROP POLICY register_mark_subscriber ON register_mark;
--> statement-breakpoint
CREATE POLICY register_mark_subscriber ON register_mark FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = register_mark.meter_id AND a.account_id = (SELECT viewer_account())
      AND (a.valid_to IS NULL OR a.valid_to > to_timestamp(
        ((floor(extract(epoch FROM register_mark.at) / 86400) - 1) * 86400)::float8))));
--> statement-breakpoint
-- A keypad's count and carry are of now, so they are told to, and moved by, who has the place now.
-- A minute more, because an agreement ends by the clock of another machine than this one.
DROP POLICY token_device_subscriber ON token_device;
--> statement-breakpoint
CREATE POLICY token_device_subscriber ON token_device FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = token_device.meter_id AND a.account_id = (SELECT viewer_account())
      AND (a.valid_to IS NULL OR a.valid_to > now() - interval '1 minute')));
--> statement-breakpoint
DROP POLICY token_device_change ON token_device;
--> statement-breakpoint
CREATE POLICY token_device_change ON token_device FOR UPDATE TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = token_device.meter_id AND a.account_id = (SELECT viewer_account())
      AND (a.valid_to IS NULL OR a.valid_to > now() - interval '1 minute')))
  WITH CHECK (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = token_device.meter_id AND a.account_id = (SELECT viewer_account())
      AND (a.valid_to IS NULL OR a.valid_to > now() - interval '1 minute')));
