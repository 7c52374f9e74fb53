-- Retention: what it took is written down by runs of positions. Around midnight days of receipt take
-- turns, where the clocks of processes differ: from the first position of a day to its last there
-- may be batches of the next one, which are in the log.
CREATE OR REPLACE FUNCTION drop_log_partition(day date, held_codes text[], by_whom text, at timestamptz)
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
         WHERE (r.edge_id, r.stream, r.epoch, r.sequence, r.is_event, r.channel, r.row)
             = (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row)))', name)
    INTO found USING held_codes;
  IF found THEN RETURN 'held_back'; END IF;
  EXECUTE format(
    'INSERT INTO log_dropped (day, shard, position_min, position_max, batch_count, reading_count,
                              dropped_by, dropped_at)
     SELECT $1, shard, min(position), max(position), count(*), sum(reading_count), $2, $3
     FROM (SELECT shard, position, reading_count,
                  position - row_number() OVER (PARTITION BY shard ORDER BY position) AS run
           FROM %I) each
     GROUP BY shard, run', name) USING day, by_whom, at;
  EXECUTE format('DROP TABLE %I', name);
  RETURN 'dropped';
END $$;
