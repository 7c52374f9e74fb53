-- Simulations are for the staff of a company: they ask for them, look at them and stop them. The
-- agreements of one are chosen under the viewer's own rights, so none of another company gets in.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['simulation', 'simulation_agreement'] LOOP
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
GRANT SELECT, INSERT ON simulation, simulation_agreement TO joulebook_api, joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (state, finished_at) ON simulation TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (state, done_count, finished_at) ON simulation TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (state, customer_class, energy_wh, before_micros, after_micros, months,
  month_before_micros, month_after_micros, warnings, code, message) ON simulation_agreement TO joulebook_writer;
