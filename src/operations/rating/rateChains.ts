import { readCarriesBefore, readCharges } from '../../db/charges.ts';
import type { ChargeRow, UnratedRow } from '../../db/charges.ts';
import type { Statement } from '../../db/connect.ts';
import type { Json } from '../../db/events.ts';
import type { RatedAgreement, RatedMeter } from '../../db/ratingInputs.ts';
import { assert } from '../../domain/assert.ts';
import { emptyCarry } from '../../domain/rating/bill.ts';
import type { Carry } from '../../domain/rating/bill.ts';
import { decodeBillCarry, isSameCarry } from '../../domain/rating/carryCodec.ts';
import type { RatingJob, RatingJobResult } from '../../domain/rating/job.ts';
import type { IdleSpan } from '../../domain/rating/settlement.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { billAgain, isBeside, linksOf, placeOfStored } from './chainLinks.ts';
import type { ChargePlace, Link } from './chainLinks.ts';
import { compiledFor, CompiledTariffs } from './compiledSegment.ts';
import type { CompiledSegment } from './compiledSegment.ts';
import { hasBegun, rateBill, refusedBill } from './rateBill.ts';
import type { BillClock, RatedBill } from './rateBill.ts';
import { attributesOf, metersAt } from './registry.ts';
import type { PricedSegment, RatingMemory } from './registry.ts';
import { sumBills } from './summedBills.ts';
import type { BillToSum, SummedBill } from './summedBills.ts';
import { chargeKey } from './touchedBills.ts';
import type { TouchedBill } from './touchedBills.ts';
import type { WholeLoad } from './wholeLoad.ts';

/** A charge as it is now, and by how much its amount moved. */
export type ChargeDelta = {
  readonly row: ChargeRow;
  readonly place: ChargePlace;
  readonly deltaMicros: bigint;
  readonly deltaWh: bigint;
  /** It was a closed bill before. */
  readonly wasClosed: boolean;
};

/** A closed bill: it may be held before it is posted. */
export type ClosedBill = {
  readonly charge: ChargeDelta;
  readonly segment: PricedSegment;
  readonly rated: RatedBill;
  readonly load: WholeLoad | null;
  readonly idle: readonly IdleSpan[];
};

export type RatedChains = {
  readonly charges: readonly ChargeDelta[];
  /** What the last step refused, and the periods in which that is all. */
  readonly refused: readonly UnratedRow[];
  readonly refusedPeriods: readonly { readonly meterId: number; readonly periodStartMs: number }[];
  /** Energy of this commit that no table can be made for. */
  readonly unrated: readonly UnratedRow[];
  readonly closed: readonly ClosedBill[];
};

export type ChainInput = {
  readonly memory: RatingMemory;
  readonly bills: readonly TouchedBill[];
  /** By service point, from when on everything is worked out again. */
  readonly recomputedFromMs: ReadonlyMap<number, number>;
  /** By service point, the slot after the last settled one. */
  readonly settledUntilSlot: ReadonlyMap<number, number>;
  rate(job: RatingJob): Promise<RatingJobResult>;
};

type Wanted = { readonly agreementId: number; fromMs: number };

function carryOf(raw: Json): Carry {
  const carry = decodeBillCarry(raw);
  assert(carry.ok, 'a stored carry can be read again');
  return carry.value;
}

/** Where each agreement's stored charges have to be looked at from. */
function wantedOf({ memory, bills, recomputedFromMs }: ChainInput): Map<number, Wanted> {
  const wanted = new Map<number, Wanted>();
  const want = (agreementId: number, fromMs: number): void => {
    const known = wanted.get(agreementId);
    if (known === undefined) wanted.set(agreementId, { agreementId, fromMs });
    else known.fromMs = Math.min(known.fromMs, fromMs);
  };
  for (const { segment } of bills) {
    // Months of another version's zone begin some hours apart.
    want(segment.agreement.agreementId, segment.period.startMs - dayMs);
  }
  for (const [point, fromMs] of recomputedFromMs) {
    for (const agreement of memory.agreements.get(point) ?? []) {
      if (agreement.validToMs > fromMs) want(agreement.agreementId, fromMs);
    }
  }
  return wanted;
}

class ChainRater {
  readonly charges: ChargeDelta[] = [];
  readonly refused = new Map<string, UnratedRow>();
  readonly refusedPeriods = new Map<string, { meterId: number; periodStartMs: number }>();
  readonly unrated: UnratedRow[] = [];
  readonly closed: ClosedBill[] = [];
  readonly #tx: Statement;
  readonly #input: ChainInput;

  constructor(tx: Statement, input: ChainInput) {
    this.#tx = tx;
    this.#input = input;
  }

  settledUntil(bill: TouchedBill): number {
    return this.#input.settledUntilSlot.get(bill.meter.servicePointId) ?? 0;
  }

  /** Of bills that can be summed up; null for the others. */
  async sum(
    bills: readonly TouchedBill[],
    compiled: ReadonlyMap<TouchedBill, CompiledSegment>,
    stored: ReadonlyMap<string, ChargeRow>,
  ): Promise<Map<TouchedBill, SummedBill>> {
    const toSum: BillToSum[] = [];
    for (const bill of bills) {
      const tariff = compiled.get(bill);
      if (tariff?.ok !== true) continue;
      const settledUntilSlot = this.settledUntil(bill);
      toSum.push({ bill, compiled: tariff.value, stored: stored.get(bill.key), settledUntilSlot });
    }
    const { memory, rate } = this.#input;
    const summed = await sumBills(this.#tx, toSum, { memory, rate });
    return new Map(toSum.map(({ bill }, index) => [bill, summed[index]]));
  }

  /** Rates one bill with what the one before it left; returns what it leaves. */
  rate(
    bill: TouchedBill,
    given: {
      readonly compiled: CompiledSegment;
      readonly summed: SummedBill | undefined;
      readonly stored: ChargeRow | undefined;
      readonly clock: BillClock;
      readonly carryIn: Carry;
    },
  ): Carry {
    const { compiled, summed, stored, clock, carryIn } = given;
    const { agreement } = bill.segment;
    if (!compiled.ok) {
      const none = { accumulator: new Uint8Array(0), carry: carryIn, openUntilMs: null };
      const refused = { ...energyOfPieces(bill), ...none, carries: false };
      const rated = refusedBill(bill, compiled.code, refused);
      this.#post(bill.segment, rated.row, stored);
      if (rated.unrated !== null) this.unrated.push(rated.unrated);
      return carryIn;
    }
    assert(summed !== undefined, 'a bill that can be compiled is summed up');
    const attributes = attributesOf(this.#input.memory, agreement);
    const rated = rateBill(bill, compiled.value, { summed, clock, attributes, carryIn });
    if (compiled.value.mayRefuse) this.#noteRefusal(rated);
    if (!hasBegun(bill, summed, clock)) {
      if (stored !== undefined) this.withdraw(bill.segment, stored);
      return carryIn;
    }
    const charge = this.#post(bill.segment, rated.row, stored);
    const { segment } = bill;
    const { idle } = clock;
    if (rated.isClosed) this.closed.push({ charge, segment, rated, load: summed.load, idle });
    return rated.carryOut;
  }

  #noteRefusal({ row, unrated }: RatedBill): void {
    const { meterId, periodStartMs } = row;
    this.refusedPeriods.set(`${meterId}/${periodStartMs}`, { meterId, periodStartMs });
    if (unrated === null) return;
    const key = `${meterId}/${periodStartMs}/${unrated.code}`;
    const known = this.refused.get(key);
    this.refused.set(key, {
      ...unrated,
      energyWh: unrated.energyWh + (known?.energyWh ?? 0n),
      slotCount: unrated.slotCount + (known?.slotCount ?? 0),
    });
  }

  #post(place: ChargePlace, row: ChargeRow, stored: ChargeRow | undefined): ChargeDelta {
    const charge = {
      row,
      place,
      deltaMicros: row.amountMicros - (stored?.amountMicros ?? 0n),
      deltaWh: row.energyWh - (stored?.energyWh ?? 0n),
      wasClosed: stored !== undefined && stored.openUntilMs === null,
    };
    this.charges.push(charge);
    return charge;
  }

  /** A charge that is no bill any more, or whose slots another one has: it is given back. */
  withdraw(place: ChargePlace, stored: ChargeRow): void {
    const { amountMicros, energyWh, accumulator, carryOut, openUntilMs } = stored;
    // With sums it is a bill still, if one of nothing.
    const isNothing = amountMicros === 0n && energyWh === 0n && accumulator.length === 0;
    if (isNothing && carryOut === null && openUntilMs === null) return;
    const none = { energyWh: 0n, amountMicros: 0n, carryIn: null, carryOut: null };
    const gone = { ...none, accumulator: new Uint8Array(0), openUntilMs: null };
    this.#post(place, { ...stored, ...gone }, stored);
  }
}

function energyOfPieces({ pieces }: TouchedBill): { energyWh: bigint; slotCount: number } {
  let energyWh = 0;
  let slotCount = 0;
  for (const { slotWh, isSettled } of pieces) {
    if (!isSettled) continue;
    for (const wh of slotWh) {
      if (Number.isNaN(wh)) continue;
      energyWh += wh;
      slotCount += 1;
    }
  }
  return { energyWh: BigInt(energyWh), slotCount };
}

type Chain = {
  readonly agreement: RatedAgreement;
  readonly meter: RatedMeter;
  readonly links: readonly Link[];
  readonly accruedUntilMs: number | null;
  readonly idle: readonly IdleSpan[];
  readonly recomputedFromMs: number;
  readonly carry: Carry;
};

type Summed = {
  readonly compiled: ReadonlyMap<TouchedBill, CompiledSegment>;
  readonly summed: ReadonlyMap<TouchedBill, SummedBill>;
};

/** A bill that was touched, with what the one before it left; returns what it leaves. */
function rateTouched(
  rater: ChainRater,
  context: Summed,
  given: {
    readonly chain: Chain;
    readonly bill: TouchedBill;
    readonly stored: ChargeRow | undefined;
    readonly carry: Carry;
  },
): Carry {
  const { chain, bill, stored, carry } = given;
  const compiled = context.compiled.get(bill);
  assert(compiled !== undefined, 'every touched bill is compiled');
  const { accruedUntilMs, idle } = chain;
  const clock = { settledUntilSlot: rater.settledUntil(bill), accruedUntilMs, idle };
  const summed = context.summed.get(bill);
  return rater.rate(bill, { compiled, summed, stored, clock, carryIn: carry });
}

/**
 * Follows an agreement's bills in the order of time: those that were touched are rated, and those
 * behind them for as long as what they are left differs from what they were left before.
 */
async function rateChain(
  rater: ChainRater,
  context: Summed & { readonly tx: Statement; readonly memory: RatingMemory },
  chain: Chain,
): Promise<void> {
  const { tx, memory } = context;
  const { meter, accruedUntilMs, idle } = chain;
  let { carry } = chain;
  let isMoved = false;
  for (const link of chain.links) {
    const { stored } = link;
    if (link.bill !== null) {
      carry = rateTouched(rater, context, { chain, bill: link.bill, stored, carry });
      isMoved = true;
      continue;
    }
    if (stored === undefined) continue;
    const again = billAgain(memory, meter, link);
    const isReplaced =
      stored.periodStartMs >= chain.recomputedFromMs ||
      (stored.meterId !== meter.meterId && chain.links.some((each) => isBeside(each, stored)));
    if (isReplaced) {
      rater.withdraw(placeOfStored(memory, chain, stored), stored);
      continue;
    }
    if (again === null) continue;
    if (stored.carryOut === null) continue;
    if (!isMoved || isSameCarry(carry, carryOf(stored.carryIn))) {
      carry = carryOf(stored.carryOut);
      continue;
    }
    const compiled = await compiledFor(tx, memory, again.segment, meter.timeZone);
    const summed = await rater.sum(
      [again],
      new Map([[again, compiled]]),
      new Map([[again.key, stored]]),
    );
    const clock = { settledUntilSlot: rater.settledUntil(again), accruedUntilMs, idle };
    const given = { compiled, summed: summed.get(again), stored, clock, carryIn: carry };
    carry = rater.rate(again, given);
  }
}

/** Rates what was touched, agreement by agreement, and says by how much each charge moved. */
export async function rateChains(tx: Statement, input: ChainInput): Promise<RatedChains> {
  const { memory } = input;
  const rater = new ChainRater(tx, input);
  const compiled = new Map<TouchedBill, CompiledSegment>();
  const tariffs = new CompiledTariffs(tx, memory);
  for (const bill of input.bills) {
    const { segment, meter } = bill;
    // Awaited only where it may be: ten thousand promises cost as much as the rating itself.
    const tariff =
      tariffs.known(segment, meter.timeZone) ?? (await tariffs.compile(segment, meter.timeZone));
    const isMeant = bill.pieces.length > 0 || bill.isDue || !(tariff.ok && tariff.value.isAdditive);
    // Another register moved, and the tariff does not look at it.
    if (isMeant) compiled.set(bill, tariff);
  }
  const bills = [...compiled.keys()];
  const wanted = wantedOf({ ...input, bills });
  const stored = await readCharges(tx, [...wanted.values()]);
  const storedByKey = new Map(
    stored.flatMap(({ charges }) => charges.map((row) => [chargeKey(row), row] as const)),
  );
  const summed = await rater.sum(bills, compiled, storedByKey);
  const carrying = new Set(
    bills.flatMap((bill) => {
      const tariff = compiled.get(bill);
      return tariff?.ok === true && tariff.value.carries
        ? [bill.segment.agreement.agreementId]
        : [];
    }),
  );
  const carries = await readCarriesBefore(
    tx,
    [...wanted.values()].filter(({ agreementId }) => carrying.has(agreementId)),
  );
  const byAgreement = new Map<number, TouchedBill[]>();
  const agreements = new Map<number, RatedAgreement>();
  for (const bill of bills) {
    const { agreement } = bill.segment;
    const list = byAgreement.get(agreement.agreementId);
    agreements.set(agreement.agreementId, agreement);
    if (list === undefined) byAgreement.set(agreement.agreementId, [bill]);
    else list.push(bill);
  }
  for (const point of input.recomputedFromMs.keys()) {
    for (const each of memory.agreements.get(point) ?? []) agreements.set(each.agreementId, each);
  }
  for (const each of stored) {
    const agreement = agreements.get(each.agreementId);
    assert(agreement !== undefined, 'a rated agreement is known');
    const own = byAgreement.get(each.agreementId) ?? [];
    const raw = carries.get(each.agreementId) ?? null;
    const chain: Chain = {
      agreement,
      meter: metersAt(memory, agreement.servicePointId)[0],
      links: linksOf(memory, agreement, { bills: own, stored: each }),
      accruedUntilMs: each.accruedUntilMs,
      idle: each.idle,
      recomputedFromMs: input.recomputedFromMs.get(agreement.servicePointId) ?? Infinity,
      carry: raw === null ? emptyCarry : carryOf(raw),
    };
    const [{ bill, stored: before } = { bill: null, stored: undefined }] = chain.links;
    if (chain.links.length === 1 && bill !== null) {
      rateTouched(rater, { compiled, summed }, { chain, bill, stored: before, carry: chain.carry });
    } else await rateChain(rater, { tx, memory, compiled, summed }, chain);
  }
  return {
    charges: rater.charges,
    refused: [...rater.refused.values()],
    refusedPeriods: [...rater.refusedPeriods.values()],
    unrated: rater.unrated,
    closed: rater.closed,
  };
}
