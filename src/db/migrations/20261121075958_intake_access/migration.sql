-- What the intake, offices and validation keep is for the staff of a company.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['edge_progress', 'office_batch', 'quarantine_resolution',
    'register_mark', 'meter_event', 'vee_set', 'vee_decision', 'vee_resolution'] LOOP
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
GRANT SELECT ON edge_progress, office_batch, quarantine_resolution, register_mark, meter_event,
  vee_set, vee_decision, vee_resolution TO joulebook_api;
--> statement-breakpoint
GRANT INSERT ON quarantine_resolution, register_mark, vee_set, vee_resolution TO joulebook_api;
--> statement-breakpoint
GRANT SELECT, INSERT ON edge_progress, office_batch, quarantine_resolution, register_mark,
  meter_event, vee_set, vee_decision, vee_resolution TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (contiguous, highest, batch_count, reading_count, last_received_at)
  ON edge_progress TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (withdrawn_at) ON vee_decision TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (customer_class, is_occupied) ON service_point TO joulebook_writer;
--> statement-breakpoint
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['office_batch', 'quarantine_resolution', 'register_mark',
    'meter_event', 'vee_set', 'vee_resolution'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- Reached at every commit of a batch: leave room on its page.
ALTER TABLE edge_progress SET (fillfactor = 50);
