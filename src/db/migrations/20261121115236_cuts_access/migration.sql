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
