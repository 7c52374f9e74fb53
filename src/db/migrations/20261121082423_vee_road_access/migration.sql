-- Like rerate_duty: whoever publishes rules or releases a decision leaves a duty behind.
ALTER TABLE vee_duty ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE vee_duty FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY vee_duty_staff ON vee_duty TO joulebook_api
  USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))
  WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()));
--> statement-breakpoint
GRANT SELECT, INSERT ON vee_duty TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (from_at) ON vee_duty TO joulebook_api;
--> statement-breakpoint
GRANT SELECT, INSERT, DELETE ON vee_duty TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (from_at) ON vee_duty TO joulebook_writer;
