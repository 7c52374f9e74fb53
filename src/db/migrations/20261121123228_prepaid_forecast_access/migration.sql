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
