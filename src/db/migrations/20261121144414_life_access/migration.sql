-- Row-level security on changes of mode and on days without a standing charge.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['mode_change', 'idle_day'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY %I ON %I TO joulebook_api
         USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))
         WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))',
      name || '_staff', name);
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR SELECT TO joulebook_api
         USING (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()))',
      name || '_subscriber', name);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT SELECT, INSERT ON mode_change TO joulebook_api;
--> statement-breakpoint
GRANT SELECT ON mode_change TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (settled_at) ON mode_change TO joulebook_writer;
--> statement-breakpoint
GRANT SELECT ON idle_day TO joulebook_api;
--> statement-breakpoint
GRANT SELECT, INSERT ON idle_day TO joulebook_writer;
--> statement-breakpoint
-- An agreement ends where the account goes on in the other mode, and another one begins. By staff
-- alone: a subscriber's own rows are open to reading only.
GRANT INSERT, UPDATE (valid_to) ON agreement TO joulebook_api;
--> statement-breakpoint
CREATE POLICY agreement_made_by_staff ON agreement AS RESTRICTIVE FOR INSERT TO joulebook_api
  WITH CHECK ((SELECT viewer_is_staff()));
--> statement-breakpoint
CREATE POLICY agreement_ended_by_staff ON agreement AS RESTRICTIVE FOR UPDATE TO joulebook_api
  USING ((SELECT viewer_is_staff())) WITH CHECK ((SELECT viewer_is_staff()));
--> statement-breakpoint
-- Append only, for every role, the owner too.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON idle_day
  FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();
--> statement-breakpoint
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON idle_day
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();
