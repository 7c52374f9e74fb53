import type { ChargeRow } from '../../db/charges.ts';
import type { Statement } from '../../db/connect.ts';
import { inlineFoldedSlotsMax } from '../../domain/limits.ts';
import { sharedFloat64 } from '../../domain/rating/compiled.ts';
import type { CompiledTariff } from '../../domain/rating/compiled.ts';
import { accumulatorAt } from '../../domain/rating/job.ts';
import type { RatingJob, RatingJobResult } from '../../domain/rating/job.ts';
import { emptyAccumulator, merge } from '../../domain/rating/kernel.ts';
import type { Accumulator, SlotEnergies } from '../../domain/rating/kernel.ts';
import type { CompiledBill } from './compiledSegment.ts';
import { metersAt } from './registry.ts';
import type { RatingMemory } from './registry.ts';
import { decodeSums } from './storedSums.ts';
import type { TouchedBill } from './touchedBills.ts';
import { readWholeLoads } from './wholeLoad.ts';
import type { WholeLoad } from './wholeLoad.ts';

/** A bill with its slots summed up as far as they are known. */
export type SummedBill = {
  /** Settled slots of an additive tariff, all slots of another: what is stored. */
  readonly settled: Accumulator;
  /** The stored bytes of `settled`, where no slot was settled since. */
  readonly storedBytes: Uint8Array | null;
  /** Slots before it are settled, or known, and in `settled`. */
  readonly untilSlot: number;
  readonly total: Accumulator;
  /** As metered, import. */
  readonly energyWh: bigint;
  /** The slots themselves, where they were read from the series. */
  readonly load: WholeLoad | null;
};

/** A touched bill that can be rated. */
export type BillToSum = {
  readonly bill: TouchedBill;
  readonly compiled: CompiledBill;
  readonly stored: ChargeRow | undefined;
  /** Of its service point, the slot after the last settled one. */
  readonly settledUntilSlot: number;
};

type Part = {
  readonly of: number;
  readonly isSettled: boolean;
  readonly energies: SlotEnergies & { readonly offset: number; readonly count: number };
};

/** What is there of a bill without its pieces; null: the series has to be asked. */
function baseOf({ bill, compiled, stored }: BillToSum): Accumulator | null {
  const { compiled: tariff, isAdditive } = compiled;
  const firstSlot = bill.pieces[0]?.firstSlot;
  // Without new slots, the open ones are not among what is stored.
  if (!isAdditive || bill.isWhole || firstSlot === undefined) return null;
  if (bill.isRecomputed) return emptyAccumulator(tariff);
  if (stored !== undefined) {
    const sums = decodeSums(tariff, stored.accumulator);
    return sums?.untilSlot === firstSlot ? sums.accumulator : null;
  }
  const isAll = bill.isFirst || firstSlot === bill.segment.firstSlot;
  return isAll ? emptyAccumulator(tariff) : null;
}

/** Of a bill of which only the open slot moved: what is stored is still so. */
function storedBytesOf(
  { bill, stored }: BillToSum,
  now: {
    readonly base: Accumulator | null;
    readonly settled: Accumulator;
    readonly untilSlot: number;
  },
): Uint8Array | null {
  const isKept = stored !== undefined && !bill.isRecomputed && now.base === now.settled;
  // The base is of the stored sums, which end where the pieces begin.
  return isKept && bill.pieces[0].firstSlot === now.untilSlot ? stored.accumulator : null;
}

/** The columns of all parts one after the other. A register that does not exist counts nothing. */
function jobOf(parts: readonly Part[], tables: readonly CompiledTariff[]): RatingJob {
  const offsets = new Int32Array(parts.length + 1);
  for (const [index, { energies }] of parts.entries()) {
    offsets[index + 1] = offsets[index] + energies.count;
  }
  const length = offsets[parts.length];
  const columnOf = (of: (energies: SlotEnergies) => Float64Array | null | undefined) => {
    // Threads see a large job where it is.
    const column = length > inlineFoldedSlotsMax ? sharedFloat64(length) : new Float64Array(length);
    for (const [index, { energies }] of parts.entries()) {
      const part = of(energies);
      const { offset, count } = energies;
      if (part) column.set(part.subarray(offset, offset + count), offsets[index]);
    }
    return column;
  };
  const hasExport = parts.some(({ energies }) => (energies.export ?? null) !== null);
  const hasReactive = parts.map(({ energies }) => (energies.reactive ?? null) !== null);
  const estimated = new Uint8Array(length);
  for (const [index, { energies }] of parts.entries()) {
    const { offset, count } = energies;
    if (energies.estimated) {
      estimated.set(energies.estimated.subarray(offset, offset + count), offsets[index]);
    }
  }
  const known = new Map<CompiledTariff, number>();
  for (const table of tables) if (!known.has(table)) known.set(table, known.size);
  return {
    import: columnOf((energies) => energies.import),
    export: hasExport ? columnOf((energies) => energies.export) : null,
    reactive: hasReactive.includes(true)
      ? {
          q1: columnOf((energies) => energies.reactive?.q1),
          q2: columnOf((energies) => energies.reactive?.q2),
          q3: columnOf((energies) => energies.reactive?.q3),
          q4: columnOf((energies) => energies.reactive?.q4),
        }
      : null,
    estimated: parts.some(({ energies }) => energies.estimated) ? estimated : null,
    hasReactive: Uint8Array.from(hasReactive, Number),
    offsets,
    firstSlot: Float64Array.from(parts, ({ energies }) => energies.firstSlot),
    tableIndex: Int32Array.from(tables, (table) => known.get(table) ?? -1),
    tables: [...known.keys()],
  };
}

/** Parts of a bill that was read as a whole: what is settled, and what is open. */
function partsOfLoad(
  of: number,
  { compiled: { isAdditive }, settledUntilSlot }: BillToSum,
  load: WholeLoad,
): readonly Part[] {
  const { energies, fromSlot, untilSlot } = load;
  const part = (from: number, until: number, isSettled: boolean): Part => ({
    of,
    isSettled,
    energies: {
      ...energies,
      firstSlot: from,
      offset: from - energies.firstSlot,
      count: until - from,
    },
  });
  if (untilSlot <= fromSlot) return [];
  if (!isAdditive) return [part(fromSlot, untilSlot, true)];
  const cut = Math.max(fromSlot, Math.min(untilSlot, settledUntilSlot));
  return [
    ...(cut > fromSlot ? [part(fromSlot, cut, true)] : []),
    ...(cut < untilSlot ? [part(cut, untilSlot, false)] : []),
  ];
}

/** Units of import, the tariff's own netting aside. */
function energyOf({ channels, bucketCount }: CompiledTariff, { sums }: Accumulator): bigint {
  let energyWh = 0n;
  const importAt = channels.indexOf('import') * bucketCount;
  for (let bucket = 0; bucket < bucketCount; bucket += 1) {
    energyWh += BigInt(sums[importAt + bucket]);
  }
  return energyWh;
}

function energyOfLoad({ energies, fromSlot, untilSlot }: WholeLoad): bigint {
  let energyWh = 0;
  for (let slot = fromSlot; slot < untilSlot; slot += 1) {
    const wh = energies.import[slot - energies.firstSlot];
    if (!Number.isNaN(wh)) energyWh += wh;
  }
  return BigInt(energyWh);
}

/**
 * Sums up the slots of bills. New slots of an additive tariff are added to what is stored; of all
 * others, and of those that were changed behind their head, the series tells all slots again.
 */
export async function sumBills(
  tx: Statement,
  bills: readonly BillToSum[],
  context: {
    readonly memory: RatingMemory;
    rate(job: RatingJob): Promise<RatingJobResult>;
  },
): Promise<readonly SummedBill[]> {
  const bases = bills.map(baseOf);
  const wholes = [...bills.keys()].filter((index) => bases[index] === null);
  const loads = await readWholeLoads(
    tx,
    wholes.map((index) => ({
      meters: metersAt(context.memory, bills[index].bill.meter.servicePointId),
      flows: bills[index].compiled.compiled.channels,
      firstSlot: bills[index].bill.segment.firstSlot,
      endSlot: bills[index].bill.segment.endSlot,
    })),
  );
  const loadOf = new Map(wholes.map((index, at) => [index, loads[at]]));
  const parts = bills.flatMap((each, of): readonly Part[] => {
    const load = loadOf.get(of);
    if (load !== undefined) return partsOfLoad(of, each, load);
    return each.bill.pieces.flatMap(({ firstSlot, slotWh, estimated, isSettled }) => {
      // The slot in which a register stands is not missing while nothing of it is known yet.
      const isUnknown = !isSettled && Number.isNaN(slotWh[slotWh.length - 1]);
      const count = slotWh.length - (isUnknown ? 1 : 0);
      const energies = { import: slotWh, estimated, firstSlot, offset: 0, count };
      return count === 0 ? [] : { of, isSettled, energies };
    });
  });
  const tables = parts.map(({ of }) => bills[of].compiled.compiled);
  const result = parts.length === 0 ? null : await context.rate(jobOf(parts, tables));
  const sums = bills.map(({ compiled: { compiled } }, index) => {
    const settled = bases[index] ?? emptyAccumulator(compiled);
    return { settled, total: settled };
  });
  for (const [index, { of, isSettled }] of parts.entries()) {
    if (result === null) break;
    const { compiled } = bills[of].compiled;
    const part = accumulatorAt(result, index);
    const sum = sums[of];
    if (isSettled) sum.settled = merge(compiled, sum.settled, part);
    sum.total = merge(compiled, sum.total, part);
  }
  return bills.map((each, index) => {
    const { settled, total } = sums[index];
    const { compiled, isAdditive } = each.compiled;
    const load = loadOf.get(index) ?? null;
    const { endSlot, firstSlot } = each.bill.segment;
    const knownUntil = isAdditive || load === null ? each.settledUntilSlot : load.untilSlot;
    const untilSlot = Math.max(firstSlot, Math.min(endSlot, knownUntil));
    return {
      settled,
      total,
      storedBytes: storedBytesOf(each, { base: bases[index], settled, untilSlot }),
      untilSlot,
      energyWh: load === null ? energyOf(compiled, total) : energyOfLoad(load),
      load,
    };
  });
}
