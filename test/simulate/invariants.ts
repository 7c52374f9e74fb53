import type postgres from 'postgres';

/** What must hold after every step, whatever has crashed. Read as the superuser. */
export type Admin = postgres.Sql<{ bigint: bigint }>;

export type Breach = { readonly code: string; readonly detail: string };

/** Each part names the rows that break it. */
export async function findBreaches(admin: Admin): Promise<readonly Breach[]> {
  const [ofMoney, ofLog] = await Promise.all([findMoneyBreaches(admin), findLogBreaches(admin)]);
  return [...ofLog, ...ofMoney];
}

function findLogBreaches(admin: Admin): Promise<Breach[]> {
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

function findMoneyBreaches(admin: Admin): Promise<Breach[]> {
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
export async function readBacklog(admin: Admin): Promise<readonly Breach[]> {
  return admin<Breach[]>`
    select 'BATCHES_NOT_RATED' as code, 'shard ' || shard as detail
    from rating_cursor c join log_head h using (shard) where c.position <> h.position
    union all
    select 'DUTY_LEFT', 'meter ' || meter_id from rerate_duty`;
}

export async function readQuarantine(admin: Admin): Promise<ReadonlySet<string>> {
  const rows = await admin<{ said: string }[]>`
    select encode(hash, 'hex') || ' ' || code as said from batch_quarantine`;
  return new Set(rows.map((row) => row.said));
}
