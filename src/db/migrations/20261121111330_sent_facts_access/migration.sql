-- What validation looks at beside the series is for the staff of a company, as its decisions are.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['reading_version', 'sent_multiplier'] LOOP
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
GRANT SELECT ON reading_version, sent_multiplier TO joulebook_api;
--> statement-breakpoint
GRANT SELECT, INSERT ON reading_version, sent_multiplier TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (first_at, last_at) ON sent_multiplier TO joulebook_writer;
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON reading_version
  FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();
--> statement-breakpoint
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON reading_version
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite();
