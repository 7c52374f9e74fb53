import { createHash } from 'node:crypto';
import { decodeDay } from '../../src/domain/series/dayCodec.ts';
import { examineAll } from '../../test/simulate/doctor.ts';
import { findBreaches, readBacklog } from '../../test/simulate/invariants.ts';
import type { Admin } from '../../test/simulate/invariants.ts';
import type { Ground } from './ground.ts';
import type { Journal } from './journal.ts';

export type Findings = {
  /** Acknowledged, and not there. */
  readonly lost: string[];
  /** There twice, or billed twice. */
  readonly duplicated: string[];
  /** There, and not what it must be. */
  readonly wrong: string[];
};

export type Verdict = Findings & {
  readonly batches: number;
  readonly readings: number;
  readonly chargedMicros: bigint;
};

export type OracleInput = {
  readonly admin: Admin;
  readonly journal: Journal;
  readonly ground: Ground;
  /** The broker's publisher runs, so its place must have reached the end of the events. */
  readonly isRelayed: boolean;
};

const importChannel = 1;
const dayMs = 86_400_000;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Every batch with a receipt is in the log once, as the bytes that the gateway has on its disk. */
async function judgeLog({ admin, journal }: OracleInput, found: Findings): Promise<number> {
  const acknowledged = journal.acknowledged();
  const seen = new Map<string, number>();
  let logged = 0;
  const rows = admin<
    { edge_id: number; epoch: number; sequence: bigint; carried: Uint8Array; hash: string | null }[]
  >`
    select l.edge_id, l.epoch, l.sequence, l.carried, encode(g.hash, 'hex') as hash
    from batch_log l left join batch_guard g
      on g.edge_id = l.edge_id and g.stream = l.stream and g.epoch = l.epoch
     and g.sequence = l.sequence
    order by l.shard, l.position`.cursor(500);
  for await (const chunk of rows) {
    for (const row of chunk) {
      logged += 1;
      const key = `${row.edge_id}/${row.epoch}/${row.sequence}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
      const sent = journal.one(row.edge_id, Number(row.sequence));
      if (sent === null) found.wrong.push(`LOG_FOREIGN: batch ${key} is no gateway's`);
      else if (sha256(sent.carried) !== sha256(row.carried) || row.hash !== sent.hash) {
        found.wrong.push(`LOG_CHANGED: batch ${key} is not what its gateway sent`);
      }
    }
  }
  for (const key of acknowledged.keys()) {
    if (!seen.has(key)) found.lost.push(`BATCH_LOST: ${key} has a receipt and is not in the log`);
  }
  for (const [key, times] of seen) {
    if (times > 1) found.duplicated.push(`BATCH_TWICE: ${key} is in the log ${times} times`);
  }
  return logged;
}

/** Every reading of the journals stands in its day of the series with its value, and no other. */
async function judgeSeries({ admin, journal }: OracleInput, found: Findings): Promise<number> {
  const days = admin<{ meter_id: number; bytes: Uint8Array }[]>`
    select meter_id, bytes from series_day where channel = ${importChannel}`.cursor(500);
  const stored = new Map<string, bigint>();
  for await (const chunk of days) {
    for (const row of chunk) {
      const day = decodeDay(row.bytes);
      for (const [place, offsetMs] of day.offsetMs.entries()) {
        if (offsetMs === -1) continue;
        const key = `${row.meter_id}/${day.day * dayMs + offsetMs}`;
        stored.set(key, BigInt(day.wh[place]));
      }
    }
  }
  let readings = 0;
  for (const { meterId, atMs, wh } of journal.readings()) {
    readings += 1;
    const key = `${meterId}/${atMs}`;
    const value = stored.get(key);
    stored.delete(key);
    if (value === wh) continue;
    const at = new Date(atMs).toISOString();
    if (value === undefined) found.lost.push(`READING_LOST: meter ${meterId} at ${at}`);
    else found.wrong.push(`READING_CHANGED: meter ${meterId} at ${at} is ${value}, was ${wh}`);
  }
  for (const key of stored.keys()) found.wrong.push(`READING_FOREIGN: ${key} is in no journal`);
  const [{ count }] = await admin<[{ count: bigint }]>`
    select count(*) as count from reading_exception`;
  if (count > 0n) found.wrong.push(`READING_REFUSED: ${count} good readings are exceptions`);
  return readings;
}

type Month = { first: bigint; last: bigint; firstMs: number };

function monthOf(atMs: number): number {
  const at = new Date(atMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
}

function nextMonth(startMs: number): number {
  const at = new Date(startMs);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

/**
 * What each meter used in each month, from the journals alone: the register at the month's end
 * minus the register at its beginning. All gateways read on the quarter hour, so the first instant
 * of a month is a reading; it ends the month before.
 */
function energyByMonth(journal: Journal): ReadonlyMap<number, ReadonlyMap<number, bigint>> {
  const meters = new Map<number, Map<number, Month>>();
  for (const { meterId, atMs, wh } of journal.readings()) {
    const months = meters.get(meterId) ?? new Map<number, Month>();
    meters.set(meterId, months);
    const month = monthOf(atMs);
    const standing = months.get(month);
    if (standing === undefined) {
      months.set(month, { first: wh, last: wh, firstMs: atMs });
      const before = months.get(monthOf(month - 1));
      if (before !== undefined && nextMonth(monthOf(month - 1)) === month) before.last = wh;
    } else standing.last = wh;
  }
  return new Map(
    [...meters].map(([meterId, months]) => [
      meterId,
      new Map([...months].map(([start, { first, last }]) => [start, last - first])),
    ]),
  );
}

/** Charges and balances against registers times the price, worked out by hand. */
async function judgeMoney(input: OracleInput, found: Findings): Promise<bigint> {
  const { admin, journal, ground } = input;
  const rows = await admin<
    { meter_id: number; start: Date; energy_wh: bigint; amount_micros: bigint }[]
  >`
    select meter_id, period_start as start, sum(energy_wh)::int8 as energy_wh,
           sum(amount_micros)::int8 as amount_micros
    from charge group by 1, 2`;
  const charged = new Map(rows.map((row) => [`${row.meter_id}/${row.start.getTime()}`, row]));
  const balances = new Map(
    (
      await admin<{ account_id: number; balance_micros: bigint }[]>`
        select account_id, balance_micros from account_balance`
    ).map((row) => [row.account_id, row.balance_micros]),
  );
  const energy = energyByMonth(journal);
  let totalMicros = 0n;
  for (const { microsPerWh, gateways } of ground.companies) {
    for (const { meterId, accountId } of gateways.flatMap(({ meters }) => meters)) {
      let owedMicros = 0n;
      for (const [startMs, wh] of energy.get(meterId) ?? []) {
        const name = `meter ${meterId}, ${new Date(startMs).toISOString().slice(0, 7)}`;
        const row = charged.get(`${meterId}/${startMs}`);
        owedMicros += wh * microsPerWh;
        judgeMonth(name, { wh, micros: wh * microsPerWh, row }, found);
      }
      totalMicros += owedMicros;
      const balance = balances.get(accountId) ?? 0n;
      if (balance !== -owedMicros) {
        found.wrong.push(`BALANCE_WRONG: account ${accountId} has ${balance}, owes ${owedMicros}`);
      }
    }
  }
  return totalMicros;
}

function judgeMonth(
  name: string,
  month: {
    readonly wh: bigint;
    readonly micros: bigint;
    readonly row: { readonly energy_wh: bigint; readonly amount_micros: bigint } | undefined;
  },
  found: Findings,
): void {
  const { wh, micros, row } = month;
  const billedWh = row?.energy_wh ?? 0n;
  const billedMicros = row?.amount_micros ?? 0n;
  if (billedWh === wh && billedMicros === micros) return;
  const told = `${name}: billed ${billedWh} Wh, ${billedMicros}; used ${wh} Wh, ${micros}`;
  if (billedWh > wh) found.duplicated.push(`BILLED_TOO_MUCH: ${told}`);
  else if (billedWh < wh) found.lost.push(`BILLED_TOO_LITTLE: ${told}`);
  else found.wrong.push(`AMOUNT_WRONG: ${told}`);
}

async function judgeRest(input: OracleInput, found: Findings): Promise<void> {
  const { admin, journal, isRelayed } = input;
  const told = [await findBreaches(admin), await readBacklog(admin)];
  told.push(await examineAll(admin, Date.now()));
  for (const breach of told.flat()) {
    const text = `${breach.code}: ${breach.detail}`;
    (breach.code === 'LOG_HAS_GAPS' ? found.lost : found.wrong).push(text);
  }
  const { made, acknowledged } = journal.counts();
  if (made !== acknowledged) {
    found.wrong.push(`WITHOUT_RECEIPT: ${made - acknowledged} batches got none`);
  }
  for (const refusal of journal.refusals()) found.wrong.push(`REFUSED_WRONGLY: ${refusal}`);
  if (!isRelayed) return;
  const behind = await admin<{ shard: number }[]>`
    select h.shard from event_head h left join relay_cursor c
      on c.shard = h.shard and c.relay = 'broker'
    where h.sequence > coalesce(c.sequence, 0)`;
  for (const { shard } of behind) found.wrong.push(`RELAY_BEHIND: event shard ${shard}`);
}

/** At quiescence: every gateway has its receipts and every cursor has come to the end. */
export async function judge(input: OracleInput): Promise<Verdict> {
  const found: Findings = { lost: [], duplicated: [], wrong: [] };
  const batches = await judgeLog(input, found);
  const readings = await judgeSeries(input, found);
  const chargedMicros = await judgeMoney(input, found);
  await judgeRest(input, found);
  return { ...found, batches, readings, chargedMicros };
}
