import { isEarly, placeOf, placeOfLine, trueRow } from './auditedSeries.ts';
import type { AuditedBatch, AuditedRow } from './auditedSeries.ts';
import type { Books } from './auditor.ts';
import { readLogged } from './invariants.ts';
import type { Admin, Breach, Reader } from './invariants.ts';
import { sha256Hex } from './sender.ts';
import type { SentBatch } from './sender.ts';

/**
 * Rows of acknowledged batches that may not be billed: each of them is told, with its reason, and
 * no other; what was mended or whose time has come is taken in.
 */
const aheadMsMax = 60_000;
const main = 1;
const electricity = new Map([
  [1, 30],
  [2, 30],
  [16, 27],
]);

/** Whether the sender may tell of the meter at all: a line of its log, or a reading. */
function codeOfSender(books: Books, { edgeId }: AuditedBatch, id: number): string | null {
  const meter = books.meters.find(({ meterId }) => meterId === id);
  if (meter === undefined) return 'METER_UNKNOWN';
  return edgeId !== null && meter.edgeId !== edgeId ? 'METER_FOREIGN' : null;
}

function codeOf(books: Books, batch: AuditedBatch, stamped: AuditedRow): string | null {
  const foreign = codeOfSender(books, batch, stamped.meterId);
  if (foreign !== null) return foreign;
  if (electricity.get(stamped.channel) !== stamped.unit) return 'UNIT_MISMATCH';
  if (stamped.scaler < 0) return 'SCALER_UNSUPPORTED';
  const row = trueRow(stamped);
  if (row === null) return 'CLOCK_DRIFT';
  const isTaken = books.taken.has(placeOf(batch, stamped));
  return isEarly(row.atMs, batch) && !isTaken ? 'READING_IN_FUTURE' : null;
}

const heldBack = [
  'METER_UNKNOWN',
  'METER_FOREIGN',
  'CHANNEL_UNKNOWN',
  'UNIT_MISMATCH',
  'SCALER_UNSUPPORTED',
  'RATING_FAILED',
  'READING_IN_FUTURE',
  'VALUE_OUT_OF_RANGE',
  'QUALITY_UNKNOWN',
  'REVISION_FOREIGN',
  'CLOCK_DRIFT',
];

/** A line tells of what is over: it ends before it was received. */
function codeOfLine(books: Books, batch: AuditedBatch, line: number): string | null {
  const { meterId, toMs } = batch.outages[line];
  const foreign = codeOfSender(books, batch, meterId);
  if (foreign !== null) return foreign;
  const isTaken = books.taken.has(placeOfLine(batch, line));
  return isEarly(toMs, batch) && !isTaken ? 'READING_IN_FUTURE' : null;
}

/** Rows of a batch and lines of meters' logs in it, with what each has to be held back as. */
function expectedOf(books: Books, batch: AuditedBatch): [string, string | null][] {
  const lines = batch.outages.map((_, line): [string, string | null] => [
    placeOfLine(batch, line),
    codeOfLine(books, batch, line),
  ]);
  const rows = batch.rows.map((row): [string, string | null] => [
    placeOf(batch, row),
    codeOf(books, batch, row),
  ]);
  return [...rows, ...lines];
}

/** By their places, what rows and lines are held back as that nobody has taken in or left out. */
async function readHeld(admin: Reader): Promise<Map<string, readonly string[]>> {
  const rows = await admin<{ place: string; codes: string[] }[]>`
    select concat_ws('/', edge_id, case stream when 1 then 'billing' else 'telemetry' end, epoch,
                     sequence, case when is_event then 'event' end, row) as place,
           array_agg(code) as codes
    from reading_exception x
    where code = any(${heldBack}) and not exists (
      select from exception_resolution r
      where (r.edge_id, r.stream, r.epoch, r.sequence, r.is_event, r.channel, r.row)
          = (x.edge_id, x.stream, x.epoch, x.sequence, x.is_event, x.channel, x.row))
    group by 1`;
  return new Map(rows.map(({ place, codes }) => [place, codes]));
}

/** Whether all that the log has of an instant waits to be taken in: none of it counts yet. */
export async function isWaiting(
  admin: Admin,
  { meterId, atMs }: { readonly meterId: number; readonly atMs: number },
  sent: readonly SentBatch[],
): Promise<boolean> {
  const held = await readHeld(admin);
  const hashes = new Set((await readLogged(admin)).map(({ carriedHash }) => carriedHash));
  const logged = sent.filter(
    ({ stream, forms }) =>
      stream === 'billing' && forms.some((bytes) => hashes.has(sha256Hex(bytes))),
  );
  const places = logged.flatMap((batch) =>
    batch.rows
      .filter((stamped) => stamped.meterId === meterId && stamped.channel === main)
      .filter((stamped) => trueRow(stamped)?.atMs === atMs)
      .map((stamped) => placeOf(batch, stamped)),
  );
  return places.every((place) => held.has(place));
}

export async function findHeldBreach(admin: Reader, books: Books): Promise<Breach | null> {
  const stored = await readHeld(admin);
  for (const batch of books.batches) {
    for (const [place, code] of expectedOf(books, batch)) {
      const codes = stored.get(place) ?? [];
      stored.delete(place);
      if (code === null && codes.length === 0) continue;
      if (code !== null && codes.includes(code)) continue;
      const detail = `${place} is held back as ${codes.join(' ') || 'nothing'}, expected ${code}`;
      return { code: 'ROW_HELD_WRONG', detail };
    }
  }
  const [left] = stored;
  if (left === undefined) return null;
  return { code: 'ROW_HELD_WRONG', detail: `${left[0]} ${left[1].join(' ')} was never sent` };
}

/** By their places, rows and lines that were held back and taken in later, and when. */
export async function readTaken(admin: Reader): Promise<ReadonlyMap<string, number>> {
  const rows = await admin<{ place: string; takenAt: Date }[]>`
    select concat_ws('/', edge_id, case stream when 1 then 'billing' else 'telemetry' end, epoch,
                     sequence, case when is_event then 'event' end, row) as place,
           resolved_at as "takenAt"
    from exception_resolution where kind = 'taken'`;
  return new Map(rows.map(({ place, takenAt }) => [place, takenAt.getTime()]));
}

/**
 * What was dated for later is taken in when that time has come, not before; and where somebody has
 * just had all of it looked at, none of it is left.
 */
export function findEarlyBreach(
  books: Books,
  takenAtMs: ReadonlyMap<string, number>,
  lookedAtMs: number | null,
): Breach | null {
  const known = new Set(books.meters.map(({ meterId }) => meterId));
  for (const batch of books.batches) {
    for (const stamped of batch.rows) {
      const row = trueRow(stamped);
      if (row === null || !isEarly(row.atMs, batch)) continue;
      const place = placeOf(batch, stamped);
      const at = takenAtMs.get(place);
      if (at !== undefined && row.atMs > at + aheadMsMax) {
        return { code: 'FUTURE_TAKEN_IN', detail: `${place} of ${row.atMs} at ${at}` };
      }
      const hasCome = lookedAtMs !== null && stamped.atMs <= lookedAtMs + aheadMsMax;
      const isLeft = at === undefined && hasCome && known.has(row.meterId);
      if (isLeft && codeOf(books, batch, stamped) === 'READING_IN_FUTURE') {
        return { code: 'READING_LEFT_BEHIND', detail: `${place} of ${row.atMs}` };
      }
    }
  }
  return null;
}
