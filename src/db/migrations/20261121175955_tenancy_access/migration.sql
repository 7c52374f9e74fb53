-- What a meter said is for whoever had its place then. A subscriber's rows of the series begin with
-- the day on which its agreement does and end with the day after its end: the slots before an end
-- are known from a reading behind it. What is told of them is cut at the instant itself.
DROP POLICY series_day_subscriber ON series_day;
--> statement-breakpoint
CREATE POLICY series_day_subscriber ON series_day FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = series_day.meter_id AND a.account_id = (SELECT viewer_account())
      AND a.valid_from < to_timestamp((series_day.day + 1) * 86400::float8)
      AND (a.valid_to IS NULL OR a.valid_to > to_timestamp((series_day.day - 1) * 86400::float8))));
--> statement-breakpoint
DROP POLICY series_head_subscriber ON series_head;
--> statement-breakpoint
CREATE POLICY series_head_subscriber ON series_head FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = series_head.meter_id AND a.account_id = (SELECT viewer_account())
      AND (a.valid_to IS NULL OR a.valid_to > series_head.last_read_at - interval '1 day')));
--> statement-breakpoint
-- Energy without an agreement is nobody's, and its month may be shared.
DROP POLICY unrated_energy_subscriber ON unrated_energy;
--> statement-breakpoint
CREATE POLICY unrated_energy_subscriber ON unrated_energy FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND code <> 'AGREEMENT_NOT_FOUND' AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = unrated_energy.meter_id AND a.account_id = (SELECT viewer_account())
      AND a.valid_from < unrated_energy.period_start + interval '1 month'
      AND (a.valid_to IS NULL OR a.valid_to > unrated_energy.period_start)));
--> statement-breakpoint
-- Whether a supply is on is for whoever has the place; what came after somebody's end is not.
DROP POLICY supply_subscriber ON supply;
--> statement-breakpoint
CREATE POLICY supply_subscriber ON supply FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = supply.meter_id AND a.account_id = (SELECT viewer_account())
      AND (a.valid_to IS NULL OR a.valid_to > supply.since)));
--> statement-breakpoint
DROP POLICY supply_change_subscriber ON supply_change;
--> statement-breakpoint
CREATE POLICY supply_change_subscriber ON supply_change FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM meter m JOIN agreement a ON a.service_point_id = m.service_point_id
    WHERE m.id = supply_change.meter_id AND a.account_id = (SELECT viewer_account())
      AND a.valid_from <= supply_change.at
      AND (a.valid_to IS NULL OR a.valid_to > supply_change.at)));
