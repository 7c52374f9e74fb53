-- What became of rows that were held back is for the staff of a company.
ALTER TABLE exception_resolution ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
ALTER TABLE exception_resolution FORCE ROW LEVEL SECURITY;
--> statement-breakpoint
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['exception_resolution', 'batch_guard', 'edge_key'] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR SELECT TO joulebook_api
         USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))',
      name || '_staff', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- Staff trace a reading to its batch and check the signature: guard and public keys are no secrets.
GRANT SELECT ON exception_resolution, batch_guard, edge_key, rating_cursor, log_dropped
  TO joulebook_api;
--> statement-breakpoint
GRANT SELECT, INSERT ON exception_resolution TO joulebook_writer;
--> statement-breakpoint
GRANT SELECT ON log_dropped TO joulebook_writer;
--> statement-breakpoint
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['exception_resolution', 'log_dropped'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()', name);
  END LOOP;
END $$;
--> statement-breakpoint

-- Retention: the oldest day of the log, as a whole and only when nothing needs it any more. What it
-- took is written down in the same transaction. Answers 'dropped', or why not.
CREATE FUNCTION drop_log_partition(day date, held_codes text[], by_whom text, at timestamptz)
  RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
  SET lock_timeout = '5s' AS $$
DECLARE
  name text := 'batch_log_' || to_char(day, 'YYYYMMDD');
  found boolean;
BEGIN
  IF to_regclass('public.' || name) IS NULL THEN RETURN 'absent'; END IF;
  -- Clocks of two machines, and a commit underway at midnight.
  IF day >= (at AT TIME ZONE 'UTC')::date - 1 THEN RETURN 'too_young'; END IF;
  SELECT EXISTS (
    SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.batch_log'::regclass AND c.relname ~ '^batch_log_\d{8}$'
      AND c.relname < name) INTO found;
  IF found THEN RETURN 'not_oldest'; END IF;
  EXECUTE format('SELECT EXISTS (SELECT FROM %I l JOIN rating_cursor c USING (shard)
                                 WHERE l.position > c.position)', name) INTO found;
  IF found THEN RETURN 'unrated'; END IF;
  EXECUTE format(
    'SELECT EXISTS (
       SELECT FROM %I l JOIN reading_exception x USING (edge_id, stream, epoch, sequence)
       WHERE x.code = ANY ($1) AND NOT EXISTS (
         SELECT FROM exception_resolution r
         WHERE (r.edge_id, r.stream, r.epoch, r.sequence, r.channel, r.row)
             = (x.edge_id, x.stream, x.epoch, x.sequence, x.channel, x.row)))', name)
    INTO found USING held_codes;
  IF found THEN RETURN 'held_back'; END IF;
  EXECUTE format(
    'INSERT INTO log_dropped (day, shard, position_min, position_max, batch_count, reading_count,
                              dropped_by, dropped_at)
     SELECT $1, shard, min(position), max(position), count(*), sum(reading_count), $2, $3
     FROM %I GROUP BY shard', name) USING day, by_whom, at;
  EXECUTE format('DROP TABLE %I', name);
  RETURN 'dropped';
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION drop_log_partition(date, text[], text, timestamptz) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION drop_log_partition(date, text[], text, timestamptz) TO joulebook_writer;
