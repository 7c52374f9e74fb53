DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['keypad_claim', 'keypad_choice'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY %I ON %I TO joulebook_api
         USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))
         WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))',
      name || '_staff', name);
    -- A customer pays, and says for which keypad it was.
    EXECUTE format(
      'CREATE POLICY %I ON %I TO joulebook_api
         USING (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()))
         WITH CHECK (company_id = (SELECT viewer_company())
                     AND account_id = (SELECT viewer_account()))',
      name || '_subscriber', name);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()', name);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT SELECT, INSERT ON keypad_claim, keypad_choice TO joulebook_api, joulebook_writer;
