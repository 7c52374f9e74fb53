-- Roles. The API is held by row-level security; the writer (ingest, rating) is not, because COPY
-- and row-level security exclude each other: composite foreign keys hold it to its company instead.
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'joulebook_api') THEN
    CREATE ROLE joulebook_api NOLOGIN NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
--> statement-breakpoint
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'joulebook_writer') THEN
    CREATE ROLE joulebook_writer NOLOGIN BYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
--> statement-breakpoint
GRANT joulebook_api, joulebook_writer TO CURRENT_USER;
--> statement-breakpoint
GRANT USAGE ON SCHEMA public TO joulebook_api, joulebook_writer;
--> statement-breakpoint

-- The viewer of a request: set with SET LOCAL semantics for one transaction. After it the setting
-- is '' and not NULL, so both mean nobody.
CREATE FUNCTION viewer_company() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('joulebook.company_id', true), '')::integer $$;
--> statement-breakpoint
CREATE FUNCTION viewer_account() RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('joulebook.account_id', true), '')::integer $$;
--> statement-breakpoint
CREATE FUNCTION viewer_is_staff() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT coalesce(current_setting('joulebook.scope', true), '') = 'company' $$;
--> statement-breakpoint

-- Row-level security on every table that belongs to a company.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY[
    'company', 'edge', 'edge_key', 'bus', 'service_point', 'meter', 'customer', 'account',
    'tariff', 'tariff_version', 'agreement', 'batch_log', 'batch_guard', 'batch_quarantine',
    'reading_exception', 'series_day', 'series_head', 'charge', 'unrated_energy', 'rerate_duty',
    'ledger_account', 'transfer', 'account_balance', 'command', 'command_step', 'supply',
    'idempotency_key', 'audit_entry', 'persisted_operation'
  ] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- Not forced: the view subject_event reads it with its owner's rights.
ALTER TABLE event ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint

-- Staff see their company.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY[
    'edge', 'bus', 'service_point', 'meter', 'customer', 'account', 'agreement',
    'batch_log', 'batch_quarantine', 'reading_exception', 'series_day', 'series_head', 'charge',
    'unrated_energy', 'rerate_duty', 'transfer', 'account_balance', 'command', 'command_step',
    'supply', 'audit_entry'
  ] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I TO joulebook_api
         USING ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))
         WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()))',
      name || '_staff', name);
  END LOOP;
END $$;
--> statement-breakpoint
-- A subscriber sees the rows of its own account.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY[
    'agreement', 'charge', 'transfer', 'account_balance', 'command', 'command_step'
  ] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I TO joulebook_api
         USING (company_id = (SELECT viewer_company()) AND account_id = (SELECT viewer_account()))
         WITH CHECK (company_id = (SELECT viewer_company())
                     AND account_id = (SELECT viewer_account()))',
      name || '_subscriber', name);
  END LOOP;
END $$;
--> statement-breakpoint
CREATE POLICY account_subscriber ON account FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND id = (SELECT viewer_account()));
--> statement-breakpoint
CREATE POLICY customer_subscriber ON customer FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM account a WHERE a.customer_id = customer.id AND a.id = (SELECT viewer_account())));
--> statement-breakpoint
CREATE POLICY service_point_subscriber ON service_point FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM agreement a
    WHERE a.service_point_id = service_point.id AND a.account_id = (SELECT viewer_account())));
--> statement-breakpoint
CREATE POLICY meter_subscriber ON meter FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()) AND EXISTS (
    SELECT FROM agreement a
    WHERE a.service_point_id = meter.service_point_id AND a.account_id = (SELECT viewer_account())));
--> statement-breakpoint
-- Rows of a meter follow the meter: the subquery is itself held by the meter's policy.
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['series_day', 'series_head', 'unrated_energy', 'supply'] LOOP
    EXECUTE format(
      'CREATE POLICY %I ON %I FOR SELECT TO joulebook_api
         USING (company_id = (SELECT viewer_company())
                AND EXISTS (SELECT FROM meter m WHERE m.id = %I.meter_id))',
      name || '_subscriber', name, name);
  END LOOP;
END $$;
--> statement-breakpoint
-- Prices are for everybody of the company; publishing is for its staff.
CREATE POLICY company_viewer ON company FOR SELECT TO joulebook_api
  USING (id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY tariff_viewer ON tariff FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY tariff_version_viewer ON tariff_version FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY tariff_version_staff ON tariff_version FOR INSERT TO joulebook_api
  WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()));
--> statement-breakpoint
-- A top-up needs the ids of both ledger accounts, its own and the company's clearing account.
CREATE POLICY ledger_account_viewer ON ledger_account FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company())
         AND ((SELECT viewer_is_staff()) OR account_id IS NULL
              OR account_id = (SELECT viewer_account())));
--> statement-breakpoint
CREATE POLICY idempotency_key_viewer ON idempotency_key TO joulebook_api
  USING (company_id = (SELECT viewer_company())) WITH CHECK (company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY persisted_operation_viewer ON persisted_operation FOR SELECT TO joulebook_api
  USING (company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY persisted_operation_staff ON persisted_operation FOR INSERT TO joulebook_api
  WITH CHECK ((SELECT viewer_is_staff()) AND company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY audit_entry_viewer ON audit_entry FOR INSERT TO joulebook_api
  WITH CHECK (company_id = (SELECT viewer_company()));
--> statement-breakpoint
CREATE POLICY event_viewer ON event FOR INSERT TO joulebook_api
  WITH CHECK (company_id = (SELECT viewer_company()));
--> statement-breakpoint

-- What a client may be told: the subjects of each event that are its own. A barrier, so that no
-- function in a client's query sees a row before the filter has.
CREATE VIEW subject_event WITH (security_barrier = true) AS
  SELECT e.shard, e.sequence, e.company_id, e.kind, e.at, s.meter_id, s.account_id,
         s.read_at_ms, s.register_wh, s.power_w, s.energy_wh, s.charged_micros, s.balance_micros,
         e.detail
  FROM event e
  CROSS JOIN LATERAL unnest(
    e.meter_ids, e.account_ids, e.read_at_ms, e.register_wh, e.power_w, e.energy_wh,
    e.charged_micros, e.balance_micros
  ) AS s(meter_id, account_id, read_at_ms, register_wh, power_w, energy_wh, charged_micros,
         balance_micros)
  WHERE e.company_id = viewer_company()
    AND (viewer_is_staff() OR s.account_id = viewer_account());
--> statement-breakpoint
-- The two entries of each transfer; a balance is their sum.
CREATE VIEW ledger_entry WITH (security_invoker = true) AS
  SELECT id AS transfer_id, company_id, currency, debit_id AS ledger_account_id,
         -amount_micros AS amount_micros, posted_at FROM transfer
  UNION ALL
  SELECT id, company_id, currency, credit_id, amount_micros, posted_at FROM transfer;
--> statement-breakpoint

-- Grants: nothing that is not named here.
GRANT SELECT ON company, edge, bus, service_point, meter, customer, account, tariff,
  tariff_version, agreement, batch_log, batch_quarantine, reading_exception, series_day,
  series_head, charge, unrated_energy, rerate_duty, ledger_account, transfer, account_balance,
  command, command_step, supply, idempotency_key, audit_entry, event_head, subject_event,
  ledger_entry, persisted_operation TO joulebook_api;
--> statement-breakpoint
GRANT INSERT ON tariff_version, rerate_duty, transfer, command, command_step, idempotency_key,
  audit_entry, event, persisted_operation TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (balance_micros) ON account_balance TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (state, failure_code, next_attempt_at) ON command TO joulebook_api;
--> statement-breakpoint
GRANT UPDATE (sequence) ON event_head TO joulebook_api;
--> statement-breakpoint
GRANT SELECT ON ALL TABLES IN SCHEMA public TO joulebook_writer;
--> statement-breakpoint
GRANT INSERT ON ALL TABLES IN SCHEMA public TO joulebook_writer;
--> statement-breakpoint
GRANT UPDATE ON edge, log_head, rating_cursor, series_day, series_head, charge, unrated_energy,
  account_balance, command, supply, event_head, relay_cursor TO joulebook_writer;
--> statement-breakpoint
GRANT DELETE ON unrated_energy, rerate_duty TO joulebook_writer;
--> statement-breakpoint

-- Append only, for every role, the owner too.
CREATE FUNCTION refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'APPEND_ONLY: rows of % are never changed; a correction is a further row',
    TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
--> statement-breakpoint
DO $$ DECLARE name text; BEGIN
  FOREACH name IN ARRAY ARRAY['batch_log', 'batch_guard', 'transfer', 'tariff_version',
    'command_step', 'audit_entry'] LOOP
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_rewrite()', name);
    EXECUTE format('CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewrite()', name);
  END LOOP;
END $$;
--> statement-breakpoint

-- The foreign keys of a transfer, as one join a statement instead of two look-ups a row.
CREATE FUNCTION check_transfer_accounts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (
    SELECT FROM posted p
    LEFT JOIN ledger_account d
      ON d.id = p.debit_id AND d.company_id = p.company_id AND d.currency = p.currency
    LEFT JOIN ledger_account c
      ON c.id = p.credit_id AND c.company_id = p.company_id AND c.currency = p.currency
    WHERE d.id IS NULL OR c.id IS NULL
      OR p.account_id IS DISTINCT FROM coalesce(d.account_id, c.account_id)
  ) THEN
    RAISE EXCEPTION 'TRANSFER_ACCOUNT_FOREIGN: both ledger accounts of a transfer belong to its company, currency and account'
      USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER transfer_accounts AFTER INSERT ON transfer REFERENCING NEW TABLE AS posted
  FOR EACH STATEMENT EXECUTE FUNCTION check_transfer_accounts();
--> statement-breakpoint
CREATE TRIGGER append_only BEFORE DELETE ON ledger_account
  FOR EACH ROW EXECUTE FUNCTION refuse_rewrite();
--> statement-breakpoint

-- The log's partitions, a day of receipt each. The default one catches a day that nobody made.
CREATE TABLE batch_log_default PARTITION OF batch_log DEFAULT;
--> statement-breakpoint
CREATE FUNCTION ensure_log_partition(day date) RETURNS boolean LANGUAGE plpgsql
  SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE name text := 'batch_log_' || to_char(day, 'YYYYMMDD'); BEGIN
  IF to_regclass('public.' || name) IS NOT NULL THEN RETURN false; END IF;
  IF EXISTS (SELECT FROM batch_log_default
             WHERE received_at >= day::timestamp AT TIME ZONE 'UTC'
               AND received_at < (day + 1)::timestamp AT TIME ZONE 'UTC') THEN
    RETURN false; -- that day began in the default partition and stays there
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF batch_log FOR VALUES FROM (%L) TO (%L)', name,
    day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
  RETURN true;
EXCEPTION WHEN duplicate_table THEN RETURN false;
END $$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION ensure_log_partition(date) FROM PUBLIC;
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION ensure_log_partition(date) TO joulebook_writer;
--> statement-breakpoint

-- A batch's columns are dense: compressing them costs more than it saves, on both ways.
ALTER TABLE batch_log ALTER COLUMN carried SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE batch_log_default ALTER COLUMN carried SET STORAGE EXTERNAL;
--> statement-breakpoint

-- Rows that are updated at every reading stay on their page (HOT): leave room.
ALTER TABLE series_day SET (fillfactor = 60);
--> statement-breakpoint
ALTER TABLE series_head SET (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE charge SET (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE account_balance SET (fillfactor = 50);
--> statement-breakpoint

-- Four shards of the log and of the events; 'edge.log_shard' and the company's id choose them.
INSERT INTO log_head SELECT s, 0 FROM generate_series(0, 3) s;
--> statement-breakpoint
INSERT INTO rating_cursor SELECT s, 0 FROM generate_series(0, 3) s;
--> statement-breakpoint
INSERT INTO event_head SELECT s, 0 FROM generate_series(0, 3) s;
--> statement-breakpoint

-- A bus may move to another socket or be polled at another pace; what hangs on it stays.
GRANT UPDATE (address, poll_interval_ms) ON bus TO joulebook_writer;
