-- New tables of companies: row-level security as everywhere.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['accrual', 'price_series', 'price_point', 'pricing_change',
    'charge_hold'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- Staff see what is held back and how far time is charged.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['accrual', 'charge_hold'] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR SELECT TO joulebook_api
         USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))',
      name || '_staff', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- Prices are for everybody of the company; recording them is for its staff.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['price_series', 'price_point', 'pricing_change'] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR SELECT TO joulebook_api
         USING (company_id = (SELECT viewer_company()))', name || '_viewer', name);
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR INSERT TO joulebook_api
         WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))',
      name || '_staff', name);
  END LOOP;
END $$;
--> statement-breakpoint
GRANT SELECT ON accrual, charge_hold, price_series, price_point, pricing_change TO joulebook_api;
--> statement-breakpoint
GRANT INSERT ON price_series, price_point, pricing_change TO joulebook_api;
--> statement-breakpoint
GRANT SELECT, INSERT ON accrual, charge_hold, price_series, price_point, pricing_change
  TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE ON accrual, charge_hold TO joulebook_writer;
--> statement-breakpoint
GRANT DELETE ON charge_hold TO joulebook_writer;
--> statement-breakpoint
-- Attributes are added to an agreement that lacked them; a zone becomes a key zone, or no longer.
GRANT UPDATE (attributes) ON agreement TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE (is_key_zone) ON service_point TO joulebook_writer;
--> statement-breakpoint
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['price_point', 'pricing_change'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()', name);
  END LOOP;
END $$;
