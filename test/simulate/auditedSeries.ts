import type { AuditedMark, Point } from './auditedWalk.ts';

/** Readings as the auditor sees them: which of them count, and when the supply was gone. */
export type AuditedRow = {
  readonly channel: number;
  readonly unit: number;
  readonly scaler: number;
  readonly meterId: number;
  /** As the device stamped it. */
  readonly atMs: number;
  /** How far the device's clock was ahead. */
  readonly clockOffsetMs: number;
  readonly value: bigint;
  /** 4: voided by an edit. */
  readonly quality: number;
  /** 0 as read; of an edit one above what it supersedes. */
  readonly revision: number;
  readonly row: number;
};

export type AuditedBatch = {
  /** Null: the office's, which may speak of all meters. */
  readonly edgeId: number | null;
  readonly epoch: number;
  readonly sequence: bigint;
  readonly stream: 'billing' | 'telemetry';
  readonly receivedAtMs: number;
  readonly rows: readonly AuditedRow[];
  /** Of the logs of its meters: the supply was gone. */
  readonly outages: readonly AuditedOutage[];
};

export type AuditedOutage = {
  readonly meterId: number;
  readonly fromMs: number;
  readonly toMs: number;
};

export type AuditedMeter = {
  readonly meterId: number;
  readonly edgeId: number;
  readonly servicePoint: string;
  readonly zone: string;
  readonly powerMaxW: number;
  readonly modulusWh: bigint | null;
  /** In the order of time. */
  readonly marks: readonly AuditedMark[];
};

/** What was told of meters. */
export type Told = {
  readonly batches: readonly AuditedBatch[];
  /** By `placeOf`, rows dated for later than their receipt that were taken in when it had come. */
  readonly taken: ReadonlySet<string>;
};

const quarterMs = 900_000;
const aheadMsMax = 60_000;
const voided = 4;

export type Winner = AuditedRow & { readonly epoch: number; readonly sequence: bigint; wh: bigint };

function compareNumbers(a: bigint | number, b: bigint | number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Above zero when `a` outranks `b`: the edit, the better quality, the later word of the edge. */
function rank(a: Winner, b: Winner): number {
  const goodness = ({ quality }: Winner): number => (quality === voided ? 0 : quality);
  return (
    compareNumbers(a.revision, b.revision) ||
    compareNumbers(goodness(b), goodness(a)) ||
    compareNumbers(a.epoch, b.epoch) ||
    compareNumbers(a.sequence, b.sequence) ||
    compareNumbers(a.row, b.row) ||
    compareNumbers(a.wh, b.wh) ||
    compareNumbers(a.quality, b.quality)
  );
}

/** The instant by a right clock; off by more than a quarter hour, nobody knows it. */
export function trueRow(row: AuditedRow): AuditedRow | null {
  const offMs = Math.abs(row.clockOffsetMs);
  if (offMs > quarterMs) return null;
  const quality = offMs > 60_000 ? Math.max(1, row.quality) : row.quality; // a void stays one
  return { ...row, atMs: row.atMs - row.clockOffsetMs, quality };
}

type BatchPlace = Pick<AuditedBatch, 'edgeId' | 'stream' | 'epoch' | 'sequence'>;

/** Where a row stands in the log. */
export function placeOf(
  { edgeId, stream, epoch, sequence }: BatchPlace,
  { row }: Pick<AuditedRow, 'row'>,
): string {
  return `${edgeId ?? 'office'}/${stream}/${epoch}/${sequence}/${row}`;
}

/** Where a line of a meter's log stands there. */
export function placeOfLine({ edgeId, stream, epoch, sequence }: BatchPlace, line: number): string {
  return `${edgeId ?? 'office'}/${stream}/${epoch}/${sequence}/event/${line}`;
}

/** Whether a clock ran ahead of the head-end's when the row was received. */
export function isEarly(atMs: number, { receivedAtMs }: AuditedBatch): boolean {
  return atMs > receivedAtMs + aheadMsMax;
}

/** The readings of a meter that may be billed, in time order, at most two a quarter hour. */
export function seriesOf(meter: AuditedMeter, { batches, taken }: Told): Winner[][] {
  const byInstant = new Map<number, Winner>();
  for (const batch of batches) {
    const isOwn = batch.edgeId === null || batch.edgeId === meter.edgeId;
    if (!isOwn || batch.stream !== 'billing') continue;
    for (const stamped of batch.rows) {
      const row = trueRow(stamped);
      const isBillable =
        row !== null &&
        row.meterId === meter.meterId &&
        row.channel === 1 &&
        row.unit === 30 &&
        row.scaler >= 0 &&
        (!isEarly(row.atMs, batch) || taken.has(placeOf(batch, row)));
      if (!isBillable) continue;
      const { epoch, sequence } = batch;
      const offered = { ...row, epoch, sequence, wh: row.value * 10n ** BigInt(row.scaler) };
      const standing = byInstant.get(row.atMs);
      if (standing === undefined || rank(offered, standing) > 0) byInstant.set(row.atMs, offered);
    }
  }
  const bySlot = new Map<number, Winner[]>();
  for (const reading of [...byInstant.values()].toSorted((a, b) => a.atMs - b.atMs)) {
    const slot = Math.floor(reading.atMs / quarterMs);
    const [first] = bySlot.get(slot) ?? [];
    bySlot.set(slot, first === undefined ? [reading] : [first, reading]);
  }
  return [...bySlot.values()];
}

/** How much of a span none of the outages covers, a minute of two outages counted once. */
export function suppliedMs(
  fromMs: number,
  toMs: number,
  outages: readonly AuditedOutage[],
): number {
  const inside = outages.filter((each) => each.fromMs < toMs && each.toMs > fromMs);
  const cuts = inside.flatMap((each) => [each.fromMs, each.toMs]);
  const instants = [fromMs, ...cuts.filter((at) => at > fromMs && at < toMs), toMs];
  const ordered = instants.toSorted((a, b) => a - b);
  let ms = 0;
  for (const [index, endMs] of ordered.entries()) {
    const beginMs = ordered[index - 1] ?? endMs;
    const isOut = inside.some((each) => each.fromMs <= beginMs && each.toMs >= endMs);
    if (!isOut) ms += endMs - beginMs;
  }
  return ms;
}

/** What flowed between two values lies where there was supply, if the meter was long silent. */
export function shareAt(
  { left, right }: { left: Point; right: Point },
  atMs: number,
  outages: readonly AuditedOutage[],
): { part: bigint; whole: bigint } {
  const even = { part: BigInt(atMs - left.atMs), whole: BigInt(right.atMs - left.atMs) };
  const isSilence = right.atMs - left.atMs > 2 * quarterMs && right.isThroughFactors !== true;
  if (!isSilence || outages.length === 0) return even;
  const whole = suppliedMs(left.atMs, right.atMs, outages);
  // It counted, and was out all along: the clock of its log is wrong.
  if (whole === 0) return even;
  return { part: BigInt(suppliedMs(left.atMs, atMs, outages)), whole: BigInt(whole) };
}

export function outagesOf(
  { meterId, edgeId }: AuditedMeter,
  { batches, taken }: Pick<Told, 'batches' | 'taken'>,
): readonly AuditedOutage[] {
  return batches
    .filter((batch) => batch.edgeId === edgeId)
    .flatMap((batch) =>
      batch.outages.filter(
        (each, line) =>
          each.meterId === meterId &&
          (!isEarly(each.toMs, batch) || taken.has(placeOfLine(batch, line))),
      ),
    );
}
