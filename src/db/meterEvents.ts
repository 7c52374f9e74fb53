import { instantsOf, integersOf } from './arrays.ts';
import type { Statement } from './connect.ts';

/** SQL of what meters' own event logs say. */

export type MeterEventRow = {
  readonly meterId: number;
  readonly companyId: number;
  /** domain/series/meterEvent. */
  readonly code: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** The batch that brought it. */
  readonly edgeId: number;
  readonly epoch: number;
  readonly sequence: bigint;
};

export type FreshMeterEvent = Pick<
  MeterEventRow,
  'meterId' | 'companyId' | 'code' | 'fromMs' | 'toMs'
>;

/** Keeps what is new among these; the same line of a log again is the same row. */
export async function insertMeterEvents(
  tx: Statement,
  rows: readonly MeterEventRow[],
): Promise<readonly FreshMeterEvent[]> {
  if (rows.length === 0) return [];
  const of = <T>(pick: (row: MeterEventRow) => T): T[] => rows.map(pick);
  const fresh = await tx<
    { meter_id: number; company_id: number; code: number; from_at: Date; to_at: Date }[]
  >`
    insert into meter_event (meter_id, company_id, code, from_at, to_at, edge_id, epoch, sequence)
    select * from unnest(
      ${integersOf(of((row) => row.meterId))}::int4[],
      ${integersOf(of((row) => row.companyId))}::int4[],
      ${integersOf(of((row) => row.code))}::int2[],
      ${instantsOf(of((row) => row.fromMs))}::timestamptz[],
      ${instantsOf(of((row) => row.toMs))}::timestamptz[],
      ${integersOf(of((row) => row.edgeId))}::int4[], ${integersOf(of((row) => row.epoch))}::int4[],
      ${integersOf(of((row) => row.sequence))}::int8[])
    on conflict do nothing
    returning meter_id, company_id, code, from_at, to_at`;
  return fresh.map((row) => ({
    meterId: row.meter_id,
    companyId: row.company_id,
    code: row.code,
    fromMs: row.from_at.getTime(),
    toMs: row.to_at.getTime(),
  }));
}

export type MeterEventView = {
  readonly code: number;
  readonly fromAt: Date;
  readonly toAt: Date;
};

/** Newest first, those that touch [fromMs, toMs). */
export async function listMeterEvents(
  tx: Statement,
  wanted: {
    readonly meterId: number;
    readonly fromMs: number;
    readonly toMs: number;
    readonly limit: number;
  },
): Promise<readonly MeterEventView[]> {
  return tx<MeterEventView[]>`
    select code, from_at as "fromAt", to_at as "toAt" from meter_event
    where meter_id = ${wanted.meterId} and to_at >= ${new Date(wanted.fromMs)}
      and from_at < ${new Date(wanted.toMs)}
    order by from_at desc, code, to_at limit ${wanted.limit}`;
}
