import type postgres from 'postgres';

/** What must hold after every step, whatever has crashed. Read as the superuser. */
export type Admin = postgres.Sql<{ bigint: bigint }>;
/** One that may be a transaction. */
export type Reader = postgres.ISql<{ bigint: bigint }>;

export type Breach = { readonly code: string; readonly detail: string };

/** Each part names the rows that break it. */
export async function findBreaches(admin: Reader): Promise<readonly Breach[]> {
  const [ofMoney, ofLog, ofReadings] = await Promise.all([
    findMoneyBreaches(admin),
    findLogBreaches(admin),
    findReadingBreaches(admin),
  ]);
  return [...ofLog, ...ofReadings, ...ofMoney];
}

/** What was refused or held back leaves its rows, one of each, and one of the audit. */
function findReadingBreaches(admin: Reader): Promise<Breach[]> {
  return admin<Breach[]>`
    select 'SERIES_ROW_TWICE' as code, meter_id || '/' || channel || '/' || day as detail
    from series_day group by meter_id, channel, day having count(*) > 1
    union all
    select 'REFUSAL_NOT_AUDITED', coalesce(q.subject, a.subject) || ' ' || coalesce(q.code, a.code)
      || ': ' || coalesce(q.rows, 0) || ' in quarantine, ' || coalesce(a.rows, 0) || ' audited'
    from (
      select 'batch/' || encode(hash, 'hex') as subject, code, count(*) as rows
      from batch_quarantine where code <> 'RATING_FAILED' group by 1, 2
    ) q
    full join (
      select subject, after ->> 'code' as code, count(*) as rows
      from audit_entry where action = 'batch.refuse' group by 1, 2
    ) a using (subject, code)
    where q.rows is distinct from 1 or a.rows is distinct from 1
    union all
    select 'EXCEPTION_NOT_AUDITED', x.subject || ': ' || count(a.id) || ' rows of the audit'
    from (
      select distinct 'batch/' || edge_id || '/'
        || case stream when 1 then 'billing' else 'telemetry' end || '/' || epoch || '/'
        || sequence as subject
      from reading_exception
      where code in ('METER_UNKNOWN', 'METER_FOREIGN', 'UNIT_MISMATCH', 'SCALER_UNSUPPORTED',
                     'CHANNEL_UNKNOWN', 'READING_IN_FUTURE', 'CLOCK_DRIFT')
    ) x
    left join audit_entry a on a.action = 'batch.note' and a.subject = x.subject
    group by x.subject having count(a.id) <> 1
    union all
    select 'TAKEN_FROM_NOWHERE', r.edge_id || '/' || r.epoch || '/' || r.sequence || '/' || r.row
    from exception_resolution r
    where not exists (
      select from reading_exception x
      where (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row)
          = (r.edge_id, r.stream, r.epoch, r.sequence, r.is_event, r.channel, r.row))
    union all
    select 'CORRECTION_NOT_ONE_BATCH', encode(hash, 'hex') || ': ' || coalesce(r.rows, 0)
      || ' decisions, ' || coalesce(b.rows, 0) || ' batches'
    from (
      select hash, count(*) as rows from quarantine_resolution
      where kind = 'corrected' group by hash
    ) r
    full join (
      select quarantine_hash as hash, count(*) as rows from office_batch
      where quarantine_hash is not null group by quarantine_hash
    ) b using (hash)
    where r.rows is distinct from b.rows`;
}

function findLogBreaches(admin: Reader): Promise<Breach[]> {
  return admin<Breach[]>`
    select 'CURSOR_BEYOND_LOG' as code,
      'shard ' || shard || ': ' || c.position || ' of ' || h.position as detail
    from rating_cursor c join log_head h using (shard) where c.position > h.position
    union all
    select 'LOG_HAS_GAPS', 'shard ' || h.shard || ': head ' || h.position || ', '
      || count(l.position) || ' batches'
    from log_head h left join batch_log l using (shard) group by h.shard, h.position
    having count(l.position) <> h.position or coalesce(max(l.position), 0) <> h.position
    union all
    select 'GUARD_WITHOUT_BATCH', edge_id || '/' || stream || '/' || epoch || '/' || sequence
    from (select shard, position, edge_id, stream, epoch, sequence from batch_guard) g
    full join (select shard, position, edge_id, stream, epoch, sequence from batch_log) l
      using (shard, position, edge_id, stream, epoch, sequence)
    where g.shard is null or l.shard is null
      or not exists (select from batch_log b where b.shard = g.shard and b.position = g.position)
      or not exists (select from batch_guard b where b.shard = l.shard and b.position = l.position)
    union all
    select 'PROGRESS_NOT_ITS_BATCHES', edge_id || '/' || stream || '/' || epoch || ': '
      || coalesce(p.said, 'nothing') || ' against ' || coalesce(l.said, 'nothing')
    from (
      select edge_id, stream, epoch,
             concat_ws(' ', contiguous, highest, batch_count, reading_count) as said
      from edge_progress
    ) p
    full join (
      select edge_id, stream, epoch,
             concat_ws(' ', count(*) filter (where sequence = place), max(sequence), count(*),
                       sum(reading_count)) as said
      from (select edge_id, stream, epoch, sequence, reading_count,
                   row_number() over (
                     partition by edge_id, stream, epoch order by sequence) as place
            from batch_log) b
      group by edge_id, stream, epoch
    ) l using (edge_id, stream, epoch)
    where p.said is distinct from l.said`;
}

function findMoneyBreaches(admin: Reader): Promise<Breach[]> {
  return admin<Breach[]>`
    select 'LEDGER_NOT_ZERO' as code, company_id || ' ' || currency || ' ' || sum(amount_micros)
      as detail from ledger_entry group by company_id, currency having sum(amount_micros) <> 0
    union all
    select 'BALANCE_NOT_ITS_ENTRIES', b.account_id || ': ' || b.balance_micros || ' against '
      || coalesce(e.sum_micros, 0)
    from account_balance b left join (
      select l.account_id, sum(e.amount_micros) as sum_micros from ledger_entry e
      join ledger_account l on l.id = e.ledger_account_id where l.code = 'customer'
      group by l.account_id
    ) e using (account_id) where b.balance_micros <> coalesce(e.sum_micros, 0)
    union all
    select 'CHARGE_NOT_ITS_TRANSFERS', 'charge of agreement ' || agreement_id || ', meter '
      || meter_id || ': ' || coalesce(c.amount_micros, 0) || ' against ' || coalesce(t.micros, 0)
    from (
      select agreement_id, meter_id, period_start, tariff_version_id, amount_micros from charge
    ) c
    full join (
      select t.agreement_id, t.meter_id, t.period_start, t.tariff_version_id,
             sum(case when l.code = 'customer' then t.amount_micros else -t.amount_micros end)
               as micros
      from transfer t join ledger_account l on l.id = t.debit_id where t.agreement_id is not null
      group by 1, 2, 3, 4
    ) t using (agreement_id, meter_id, period_start, tariff_version_id)
    where coalesce(c.amount_micros, 0) <> coalesce(t.micros, 0)
    union all
    select 'EVENTS_HAVE_GAPS', 'shard ' || h.shard || ': head ' || h.sequence || ', '
      || count(e.sequence) || ' events'
    from event_head h left join event e using (shard) group by h.shard, h.sequence
    having count(e.sequence) <> h.sequence or coalesce(max(e.sequence), 0) <> h.sequence
    union all
    select 'EVENTS_NOT_THEIR_CHARGES', coalesce(e.micros, 0) || ' told, ' || coalesce(c.micros, 0)
      || ' charged'
    from (select sum(charged) as micros from event, unnest(charged_micros) as charged) e,
         (select sum(amount_micros) as micros from charge) c
    where coalesce(e.micros, 0) <> coalesce(c.micros, 0)`;
}

export type LoggedBatch = {
  readonly edgeId: number;
  /** 1 billing, 2 telemetry. */
  readonly stream: number;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly position: bigint;
  readonly receivedAtMs: number;
  readonly carriedHash: string;
};

export async function readLogged(admin: Admin): Promise<readonly LoggedBatch[]> {
  const rows = await admin<(Omit<LoggedBatch, 'receivedAtMs'> & { receivedAt: Date })[]>`
    select edge_id as "edgeId", stream, epoch, sequence, position, received_at as "receivedAt",
           encode(sha256(carried), 'hex') as "carriedHash"
    from batch_log order by shard, position`;
  return rows.map(({ receivedAt, ...row }) => ({ ...row, receivedAtMs: receivedAt.getTime() }));
}

/** The same shape as the auditor's. */
export async function readBooked(admin: Admin): Promise<{
  readonly charges: Map<string, string>;
  readonly unrated: Map<string, string>;
  readonly balances: Map<string, string>;
}> {
  const rows = await admin<{ kind: string; key: string; said: string }[]>`
    select 'charge' as kind, concat_ws('/', agreement_id, meter_id,
             (extract(epoch from period_start) * 1000)::int8, tariff_version_id) as key,
           energy_wh || ' ' || amount_micros as said
    from charge where energy_wh <> 0 or amount_micros <> 0
    union all
    select 'unrated',
           concat_ws('/', meter_id, (extract(epoch from period_start) * 1000)::int8, code),
           energy_wh || ' ' || slot_count
    from unrated_energy
    union all
    select 'balance', account_id::text, balance_micros::text from account_balance`;
  const of = (kind: string): Map<string, string> =>
    new Map(rows.filter((row) => row.kind === kind).map((row) => [row.key, row.said]));
  return { charges: of('charge'), unrated: of('unrated'), balances: of('balance') };
}

/** What is left to do: nothing, at quiescence. */
export async function readBacklog(admin: Reader): Promise<readonly Breach[]> {
  return admin<Breach[]>`
    select 'BATCHES_NOT_RATED' as code, 'shard ' || shard as detail
    from rating_cursor c join log_head h using (shard) where c.position <> h.position
    union all
    select 'DUTY_LEFT', 'meter ' || meter_id from rerate_duty
    union all
    select 'VALIDATION_LEFT', 'meter ' || meter_id from vee_duty`;
}

/** What holds when nothing is left to do. */
export async function findQuietBreaches(admin: Reader): Promise<readonly Breach[]> {
  return admin<Breach[]>`
    select 'BATCH_SET_ASIDE' as code, encode(hash, 'hex') as detail from batch_quarantine
    where code = 'RATING_FAILED'
    union all
    select 'CHARGE_OF_WRONG_VERSION', 'agreement ' || c.agreement_id || ' from ' || c.period_start
      || ' by version ' || c.tariff_version_id
    from charge c
    join agreement a on a.id = c.agreement_id
    join tariff_version v on v.id = c.tariff_version_id
    left join lateral (
      select min(n.valid_from) as at from tariff_version n
      where n.tariff_id = v.tariff_id and n.valid_from > v.valid_from
    ) ends on true
    where (c.energy_wh <> 0 or c.amount_micros <> 0)
      -- A month of any zone lies within 31 days and an hour of its begin.
      and (v.tariff_id <> a.tariff_id
           or v.valid_from >= c.period_start + interval '31 days 1 hour'
           or ends.at <= c.period_start
           or a.valid_from >= c.period_start + interval '31 days 1 hour'
           or a.valid_to <= c.period_start)`;
}

/** All that was ever posted, as one line. */
export async function readPosted(admin: Reader): Promise<string> {
  const [row] = await admin<{ said: string }[]>`
    select concat_ws(' ',
      (select count(*) || ' transfers ' || coalesce(sum(amount_micros), 0) from transfer),
      (select count(*) || ' charges ' || coalesce(sum(amount_micros), 0) from charge),
      (select coalesce(md5(string_agg(concat_ws('/', agreement_id, meter_id, period_start,
                tariff_version_id, energy_wh, amount_micros), ' '
                order by agreement_id, meter_id, period_start, tariff_version_id)), '')
       from charge)) as said`;
  return row?.said ?? '';
}

export async function readQuarantine(admin: Admin): Promise<ReadonlySet<string>> {
  const rows = await admin<{ said: string }[]>`
    select encode(hash, 'hex') || ' ' || code as said from batch_quarantine`;
  return new Set(rows.map((row) => row.said));
}
