import type { ChargeRow, UnratedRow } from '../../db/charges.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { assert } from '../../domain/assert.ts';
import { decodeAccumulator, encodeAccumulator } from '../../domain/rating/accumulatorCodec.ts';
import type { CompiledTariff } from '../../domain/rating/compile.ts';
import { accumulatorAt } from '../../domain/rating/job.ts';
import type { RatingJob, RatingJobResult } from '../../domain/rating/job.ts';
import {
  billMicros,
  emptyAccumulator,
  finish,
  merge,
  runningMicros,
} from '../../domain/rating/kernel.ts';
import type { Accumulator } from '../../domain/rating/kernel.ts';
import { compiledFor, segmentOf } from './registry.ts';
import type { PricedSegment, RatingMemory } from './registry.ts';

/** Slots to price: settled ones go into the accumulator, open ones only into the amount. */
export type SlotSpan = {
  readonly meter: RatedMeter;
  readonly firstSlot: number;
  readonly slotWh: Float64Array;
  readonly isSettled: boolean;
};

/** What one charge gets from this commit. */
type Pricing = {
  readonly segment: PricedSegment;
  readonly meter: RatedMeter;
  readonly compiled: CompiledTariff;
  settled: Accumulator;
  open: Accumulator;
};

export type PricedCharges = {
  readonly charges: readonly ChargeDelta[];
  readonly unrated: readonly UnratedRow[];
};

/** A charge as it is now, and by how much its amount moved. */
export type ChargeDelta = {
  readonly row: ChargeRow;
  readonly segment: PricedSegment;
  readonly deltaMicros: bigint;
  readonly deltaWh: bigint;
};

type Piece = { readonly pricing: Pricing; readonly isSettled: boolean };

function chargeKey(row: {
  agreementId: number;
  meterId: number;
  periodStartMs: number;
  tariffVersionId: number;
}): string {
  return `${row.agreementId}/${row.meterId}/${row.periodStartMs}/${row.tariffVersionId}`;
}

function keyOf(segment: PricedSegment, meter: RatedMeter): string {
  return chargeKey({
    agreementId: segment.agreement.agreementId,
    meterId: meter.meterId,
    periodStartMs: segment.period.startMs,
    tariffVersionId: segment.version.versionId,
  });
}

/** The spans cut at segment boundaries: a job in columns, and whose each piece is. */
class SlotCutter {
  readonly pricings = new Map<string, Pricing>();
  readonly pieces: Piece[] = [];
  readonly unrated = new Map<string, UnratedRow>();
  readonly #memory: RatingMemory;
  readonly #columns: Float64Array[] = [];
  readonly #firstSlot: number[] = [];
  readonly #tableIndex: number[] = [];
  readonly #tables = new Map<CompiledTariff, number>();

  constructor(memory: RatingMemory) {
    this.#memory = memory;
  }

  add(span: SlotSpan): void {
    const endSlot = span.firstSlot + span.slotWh.length;
    let slot = span.firstSlot;
    while (slot < endSlot) {
      const segment = segmentOf(this.#memory, span.meter, slot);
      const pieceEnd = Math.min(endSlot, segment.endSlot);
      const slotWh = span.slotWh.subarray(slot - span.firstSlot, pieceEnd - span.firstSlot);
      if ('code' in segment) {
        if (span.isSettled) this.#addUnrated(span.meter, segment, slotWh);
      } else {
        this.#addPiece(span, segment, { slot, slotWh });
      }
      slot = pieceEnd;
    }
  }

  #addPiece(
    { meter, isSettled }: SlotSpan,
    segment: PricedSegment,
    { slot, slotWh }: { slot: number; slotWh: Float64Array },
  ): void {
    const key = keyOf(segment, meter);
    let pricing = this.pricings.get(key);
    if (pricing === undefined) {
      const compiled = compiledFor(this.#memory, segment, meter.timeZone);
      const settled = emptyAccumulator(compiled);
      pricing = { segment, meter, compiled, settled, open: emptyAccumulator(compiled) };
      this.pricings.set(key, pricing);
    }
    let table = this.#tables.get(pricing.compiled);
    if (table === undefined) {
      table = this.#tables.size;
      this.#tables.set(pricing.compiled, table);
    }
    this.pieces.push({ pricing, isSettled });
    this.#columns.push(slotWh);
    this.#firstSlot.push(slot);
    this.#tableIndex.push(table);
  }

  #addUnrated(
    meter: RatedMeter,
    segment: { code: UnratedRow['code']; period: { startMs: number } },
    slotWh: Float64Array,
  ): void {
    let energyWh = 0n;
    let slotCount = 0;
    for (const wh of slotWh) {
      if (Number.isNaN(wh)) continue;
      energyWh += BigInt(wh);
      slotCount += 1;
    }
    if (slotCount === 0) return;
    const key = `${meter.meterId}/${segment.period.startMs}/${segment.code}`;
    const known = this.unrated.get(key);
    this.unrated.set(key, {
      meterId: meter.meterId,
      periodStartMs: segment.period.startMs,
      code: segment.code,
      companyId: meter.companyId,
      energyWh: energyWh + (known?.energyWh ?? 0n),
      slotCount: slotCount + (known?.slotCount ?? 0),
    });
  }

  job(): RatingJob {
    const offsets = new Int32Array(this.#columns.length + 1);
    for (const [index, column] of this.#columns.entries()) {
      offsets[index + 1] = offsets[index] + column.length;
    }
    const slotWh = new Float64Array(offsets[this.#columns.length]);
    for (const [index, column] of this.#columns.entries()) slotWh.set(column, offsets[index]);
    return {
      slotWh,
      offsets,
      firstSlot: Float64Array.from(this.#firstSlot),
      tableIndex: Int32Array.from(this.#tableIndex),
      tables: [...this.#tables.keys()],
    };
  }
}

function energyOf(accumulator: Accumulator): bigint {
  let energyWh = 0n;
  for (const sumWh of accumulator.sumWh) energyWh += BigInt(sumWh);
  return energyWh;
}

/** What is charged so far; once the period is over, what the tariff's own rounding makes of it. */
function amountOf(pricing: Pricing, total: Accumulator, isClosed: boolean): bigint {
  const { rounding } = pricing.compiled;
  if (!isClosed || (rounding.line === null && rounding.bill === null)) {
    return runningMicros(pricing.compiled, total.sumWh);
  }
  return billMicros(finish(pricing.compiled, total), rounding);
}

function deltaOf(
  pricing: Pricing,
  stored: ChargeRow | undefined,
  settledUntilSlot: number,
): ChargeDelta {
  const { segment, meter } = pricing;
  let settled = pricing.settled;
  if (stored !== undefined) {
    const before = decodeAccumulator(stored.accumulator);
    assert(before.ok, 'a stored accumulator decodes');
    settled = merge(before.value, settled);
  }
  const total = merge(settled, pricing.open);
  const amountMicros = amountOf(pricing, total, settledUntilSlot >= segment.endSlot);
  const energyWh = energyOf(total);
  return {
    row: {
      agreementId: segment.agreement.agreementId,
      meterId: meter.meterId,
      periodStartMs: segment.period.startMs,
      tariffVersionId: segment.version.versionId,
      companyId: meter.companyId,
      accountId: segment.agreement.accountId,
      accumulator: encodeAccumulator(settled),
      energyWh,
      amountMicros,
    },
    segment,
    deltaMicros: amountMicros - (stored?.amountMicros ?? 0n),
    deltaWh: energyWh - (stored?.energyWh ?? 0n),
  };
}

export type PricingInput = {
  readonly memory: RatingMemory;
  readonly spans: readonly SlotSpan[];
  /** The charges that these meters have already, from the periods of the spans on. */
  readonly stored: readonly ChargeRow[];
  /** Meters whose spans cover their periods as a whole: what was accumulated is worked out anew. */
  readonly recomputed: ReadonlySet<number>;
  /** By meter, the first slot that is not settled. */
  readonly settledUntilSlot: ReadonlyMap<number, number>;
  rate(job: RatingJob): Promise<RatingJobResult>;
};

/** Prices slots and says by how much each charge moved; writes nothing. */
export async function priceSlots(input: PricingInput): Promise<PricedCharges> {
  const cutter = new SlotCutter(input.memory);
  for (const span of input.spans) cutter.add(span);
  const { pieces, pricings } = cutter;
  const result = await input.rate(cutter.job());
  for (const [index, { pricing, isSettled }] of pieces.entries()) {
    const part = accumulatorAt(result, index);
    if (isSettled) pricing.settled = merge(pricing.settled, part);
    else pricing.open = merge(pricing.open, part);
  }
  const charges: ChargeDelta[] = [];
  const storedByKey = new Map(input.stored.map((row) => [chargeKey(row), row]));
  for (const [key, pricing] of pricings) {
    const { meterId } = pricing.meter;
    const stored = storedByKey.get(key);
    storedByKey.delete(key);
    const base =
      stored !== undefined && input.recomputed.has(meterId)
        ? { ...stored, accumulator: encodeAccumulator(emptyAccumulator(pricing.compiled)) }
        : stored;
    charges.push(deltaOf(pricing, base, input.settledUntilSlot.get(meterId) ?? 0));
  }
  for (const stored of storedByKey.values()) {
    if (!input.recomputed.has(stored.meterId)) continue;
    const withdrawn = withdrawnCharge(input.memory, stored);
    if (withdrawn !== null) charges.push(withdrawn);
  }
  return { charges, unrated: [...cutter.unrated.values()] };
}

/** A charge whose slots another version or agreement prices now: what it had is given back. */
function withdrawnCharge(memory: RatingMemory, stored: ChargeRow): ChargeDelta | null {
  if (stored.amountMicros === 0n && stored.energyWh === 0n) return null;
  const meter = memory.meters.get(stored.meterId);
  assert(meter !== undefined, 'a charged meter is registered');
  const agreement = (memory.agreements.get(meter.servicePointId) ?? []).find(
    (each) => each.agreementId === stored.agreementId,
  );
  assert(agreement !== undefined, 'a charge is of an agreement of its service point');
  const version = (memory.versions.get(agreement.tariffId) ?? []).find(
    (each) => each.versionId === stored.tariffVersionId,
  );
  assert(version !== undefined, 'a charge is of a version of its agreement');
  const before = decodeAccumulator(stored.accumulator);
  assert(before.ok, 'a stored accumulator decodes');
  const empty = {
    sumWh: new Float64Array(before.value.sumWh.length),
    ratedSlots: 0,
    missingSlots: 0,
  };
  const startMs = stored.periodStartMs;
  return {
    row: { ...stored, accumulator: encodeAccumulator(empty), energyWh: 0n, amountMicros: 0n },
    segment: {
      agreement,
      version,
      period: { startMs, endMs: startMs, label: '' },
      firstSlot: 0,
      endSlot: 0,
    },
    deltaMicros: -stored.amountMicros,
    deltaWh: -stored.energyWh,
  };
}
