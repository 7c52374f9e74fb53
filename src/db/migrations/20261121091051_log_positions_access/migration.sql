-- Positions of the log belong to no company; whoever counts it twice is staff.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['rating_cursor', 'log_dropped'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR SELECT TO joulebook_api USING ((SELECT viewer_is_staff()))',
      name || '_staff', name);
  END LOOP;
END $$;
