import type { ChargeRow, UnratedRow } from '../../db/charges.ts';
import type { Json } from '../../db/events.ts';
import { microsOf } from '../../domain/exact.ts';
import { periodCloseMsMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { AgreementAttributes, Carry } from '../../domain/rating/bill.ts';
import type { FinishRefusal } from '../../domain/rating/billDraft.ts';
import { encodeBillCarry } from '../../domain/rating/carryCodec.ts';
import type { CompiledTariff } from '../../domain/rating/compiled.ts';
import { finish } from '../../domain/rating/finish.ts';
import { accumulate } from '../../domain/rating/kernel.ts';
import type { Accumulator } from '../../domain/rating/kernel.ts';
import { openMicros } from '../../domain/rating/running.ts';
import type { IdleSpan, Settlement } from '../../domain/rating/settlement.ts';
import { slotStartMs } from '../../domain/rating/slot.ts';
import type { CompiledBill } from './compiledSegment.ts';
import { encodeSums } from './storedSums.ts';
import type { SummedBill } from './summedBills.ts';
import type { TouchedBill } from './touchedBills.ts';
import type { WholeLoad } from './wholeLoad.ts';

/** A charge as it should be now, before anybody compares it with what was posted. */
export type RatedBill = {
  readonly row: ChargeRow;
  readonly unrated: UnratedRow | null;
  /** What the next bill of the agreement gets. */
  readonly carryOut: Carry;
  readonly isClosed: boolean;
};

/** How far the clock of a bill has come. */
export type BillClock = {
  /** Of its service point, the slot after the last settled one. */
  readonly settledUntilSlot: number;
  /** Time alone is charged up to here. */
  readonly accruedUntilMs: number | null;
  /** Days without a standing charge. */
  readonly idle: readonly IdleSpan[];
};

/** Null: the bill is closed, by a reading beyond its end or because none came for days. */
function openUntilOf({ segment }: TouchedBill, clock: BillClock): number | null {
  const fromMs = slotStartMs(segment.firstSlot);
  const toMs = slotStartMs(segment.endSlot);
  const accruedMs = clock.accruedUntilMs ?? 0;
  if (clock.settledUntilSlot >= segment.endSlot || accruedMs >= toMs + periodCloseMsMax) {
    return null;
  }
  return Math.min(toMs, Math.max(fromMs, slotStartMs(clock.settledUntilSlot), accruedMs));
}

/**
 * Whether some of its time has passed: a reading as it begins is the last of the bill before it, or
 * a register's first, and asks for nothing.
 */
export function hasBegun(bill: TouchedBill, summed: SummedBill, clock: BillClock): boolean {
  const openUntilMs = openUntilOf(bill, clock);
  if (openUntilMs === null || openUntilMs > slotStartMs(bill.segment.firstSlot)) return true;
  const { ratedSlots, missingSlots } = summed.total;
  return ratedSlots + missingSlots > 0;
}

function keyOf({ segment, meter }: TouchedBill) {
  return {
    agreementId: segment.agreement.agreementId,
    meterId: meter.meterId,
    periodStartMs: segment.period.startMs,
    tariffVersionId: segment.version.versionId,
    companyId: meter.companyId,
    accountId: segment.agreement.accountId,
  };
}

function unratedOf(
  bill: TouchedBill,
  code: string,
  { energyWh, slotCount }: { readonly energyWh: bigint; readonly slotCount: number },
): UnratedRow | null {
  if (slotCount === 0) return null;
  const { meterId, companyId, periodStartMs } = keyOf(bill);
  return { meterId, periodStartMs, code, companyId, energyWh, slotCount };
}

/** A bill of which nothing can be rated: its energy is shown with the reason. */
export function refusedBill(
  bill: TouchedBill,
  code: string,
  given: {
    readonly energyWh: bigint;
    readonly slotCount: number;
    readonly accumulator: Uint8Array;
    readonly carry: Carry;
    readonly carries: boolean;
    readonly openUntilMs: number | null;
  },
): RatedBill {
  const carried: Json = given.carries ? encodeBillCarry(given.carry) : null;
  return {
    row: {
      ...keyOf(bill),
      accumulator: given.accumulator,
      energyWh: 0n,
      amountMicros: 0n,
      openUntilMs: given.openUntilMs,
      carryIn: carried,
      carryOut: carried,
    },
    unrated: unratedOf(bill, code, given),
    carryOut: given.carry,
    isClosed: false,
  };
}

type Cut = {
  readonly slot: number;
  readonly total: Accumulator;
  readonly unrated: UnratedRow | null;
};

/** The bill up to the first slot with use whose price is missing; null where none is. */
function cutAtMissingPrice(
  bill: TouchedBill,
  compiled: CompiledTariff,
  { total, load }: { readonly total: Accumulator; readonly load: WholeLoad | null },
): Cut | null {
  const unpriced = Math.min(...(total.folds?.unpricedSlot ?? []), Infinity);
  if (unpriced === Infinity || load === null) return null;
  const slot = compiled.firstSlot + unpriced;
  const { energies, fromSlot, untilSlot } = load;
  let energyWh = 0;
  let slotCount = 0;
  for (let at = slot; at < untilSlot; at += 1) {
    const wh = energies.import[at - energies.firstSlot];
    if (Number.isNaN(wh)) continue;
    energyWh += wh;
    slotCount += 1;
  }
  const count = Math.max(0, slot - fromSlot);
  const offset = fromSlot - energies.firstSlot;
  const priced = accumulate(compiled, { ...energies, firstSlot: fromSlot, offset, count });
  const rest = { energyWh: BigInt(energyWh), slotCount };
  return { slot, total: priced, unrated: unratedOf(bill, 'PRICE_MISSING', rest) };
}

/** What is charged, and what is left to the next bill. */
function amountOf(
  { compiled, carries }: CompiledBill,
  total: Accumulator,
  settlement: Settlement,
): Outcome<{ readonly amountMicros: bigint; readonly carryOut: Carry }, FinishRefusal> {
  const { carryIn, openUntilMs } = settlement;
  if (!carries && openUntilMs !== null) {
    const micros = openMicros(compiled, total, { ...settlement, openUntilMs });
    return micros.ok ? accept({ amountMicros: micros.value, carryOut: carryIn }) : micros;
  }
  const finished = finish(compiled, total, settlement);
  if (!finished.ok) return finished;
  const { total: amount, carryOut } = finished.value;
  return accept({ amountMicros: microsOf(amount), carryOut });
}

/** Rates a bill from its sums. Pure but for the types: what it says, the caller posts. */
export function rateBill(
  bill: TouchedBill,
  tariff: CompiledBill,
  given: {
    readonly summed: SummedBill;
    readonly clock: BillClock;
    readonly attributes: AgreementAttributes;
    readonly carryIn: Carry;
  },
): RatedBill {
  const { compiled, carries } = tariff;
  const { summed, attributes, carryIn } = given;
  const cut = cutAtMissingPrice(bill, compiled, summed);
  const openUntil = openUntilOf(bill, given.clock);
  const cutMs = cut === null ? null : slotStartMs(cut.slot);
  const openUntilMs =
    cutMs === null ? openUntil : Math.min(cutMs, openUntil ?? slotStartMs(bill.segment.endSlot));
  const total = cut?.total ?? summed.total;
  const untilSlot = cut === null ? summed.untilSlot : Math.min(summed.untilSlot, cut.slot);
  const kept = cut === null ? summed.settled : cut.total;
  const storedBytes = cut === null ? summed.storedBytes : null;
  const accumulator = storedBytes ?? encodeSums(compiled, { untilSlot, accumulator: kept });
  const energyWh = summed.energyWh - (cut?.unrated?.energyWh ?? 0n);
  const finished = amountOf(tariff, total, {
    attributes,
    carryIn,
    openUntilMs,
    idle: given.clock.idle,
  });
  if (!finished.ok) {
    const { ratedSlots, missingSlots } = summed.total;
    const slotCount = summed.load === null ? ratedSlots : ratedSlots + missingSlots;
    const rest = { energyWh: summed.energyWh, slotCount, openUntilMs };
    return refusedBill(bill, finished.code, { ...rest, accumulator, carry: carryIn, carries });
  }
  const { amountMicros, carryOut } = finished.value;
  return {
    row: {
      ...keyOf(bill),
      accumulator,
      isSumStored: storedBytes !== null,
      energyWh,
      amountMicros,
      openUntilMs,
      carryIn: carries ? encodeBillCarry(carryIn) : null,
      carryOut: carries ? encodeBillCarry(carryOut) : null,
    },
    unrated: cut?.unrated ?? null,
    carryOut: carries ? carryOut : carryIn,
    isClosed: openUntilMs === null,
  };
}
