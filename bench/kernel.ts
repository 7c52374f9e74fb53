import { Decimal } from 'decimal.js';
import { assert } from '../src/domain/assert.ts';
import { compileTariff } from '../src/domain/rating/compile.ts';
import type { CompiledTariff } from '../src/domain/rating/compile.ts';
import { rateJob } from '../src/domain/rating/job.ts';
import type { RatingJob } from '../src/domain/rating/job.ts';
import { runningMicros } from '../src/domain/rating/kernel.ts';
import { slotMs, slotOf } from '../src/domain/rating/slot.ts';
import { parseTariffDocument } from '../src/domain/tariff/document.ts';
import { dayNightTariff } from '../test/support/build/fleet.ts';
import { compare, sideBySide, timed } from './sideBySide.ts';
import type { Result, Side } from './sideBySide.ts';

export type KernelSize = {
  agreements: number;
  slotsPerAgreement: number;
  decimalSlots: number;
  rounds: number;
};

/** A year of quarter hours of 300 agreements, 84 MB: more than any cache holds. */
export const kernelSize: KernelSize = {
  agreements: 300,
  slotsPerAgreement: 35_040,
  decimalSlots: 105_120,
  rounds: 7,
};

const fromMs = Date.UTC(2026, 0, 1);
const kernelSide = 'kernel';
const decimalSide = 'decimal.js loop';
const memorySide = 'memcpy';

export function compiledHome(slots: number): CompiledTariff {
  const parsed = parseTariffDocument(dayNightTariff);
  assert(parsed.ok, 'the tariff of the fleet is one');
  const window = { zone: 'Europe/Berlin', fromMs, toMs: fromMs + slots * slotMs };
  const compiled = compileTariff(parsed.value, window);
  assert(compiled.ok, 'the tariff of the fleet compiles');
  return compiled.value;
}

/** 0 to 96 Wh a slot, in an order without a pattern in time. */
function energyWhAt(index: number): number {
  return (index * 31) % 97;
}

export function jobOf(
  compiled: CompiledTariff,
  { agreements, slotsPerAgreement }: { agreements: number; slotsPerAgreement: number },
): RatingJob {
  const slots = agreements * slotsPerAgreement;
  return {
    slotWh: Float64Array.from({ length: slots }, (_, index) => energyWhAt(index)),
    offsets: Int32Array.from({ length: agreements + 1 }, (_, n) => n * slotsPerAgreement),
    firstSlot: new Float64Array(agreements).fill(slotOf(fromMs)),
    tableIndex: new Int32Array(agreements),
    tables: [compiled],
  };
}

/** Rates and makes the money of each agreement, as live rating does. */
export function rateWhole(job: RatingJob): bigint[] {
  const { sums, sumOffsets } = rateJob(job);
  return Array.from(job.tableIndex, (table, agreement) =>
    runningMicros(job.tables[table], sums, sumOffsets[agreement]),
  );
}

/**
 * What one would write first: kWh times price, slot by slot, exact, with the price of the slot's
 * period at hand. The money of each agreement.
 */
function decimalMicros(job: RatingJob, slots: number): string[] {
  const [table] = job.tables;
  const prices = table.sumPricesE8.map((priceE8) => new Decimal(priceE8.toString()).div(1e8));
  const amounts: string[] = [];
  for (let agreement = 0; job.offsets[agreement + 1] <= slots; agreement += 1) {
    const from = job.offsets[agreement];
    let amount = new Decimal(0);
    for (let index = from; index < job.offsets[agreement + 1]; index += 1) {
      const price = prices[table.superPeriodOfSlot[index - from]];
      amount = amount.plus(new Decimal(job.slotWh[index]).div(1_000).times(price));
    }
    amounts.push(amount.times(1_000_000).toFixed(0));
  }
  return amounts;
}

/** The rating kernel in one thread: intervals a second to money. */
export async function kernel(
  { onProgress }: { onProgress: (line: string) => void },
  size: KernelSize,
): Promise<Result[]> {
  const { agreements, slotsPerAgreement, decimalSlots, rounds } = size;
  const job = jobOf(compiledHome(slotsPerAgreement), { agreements, slotsPerAgreement });
  const copy = new Float64Array(job.slotWh.length);
  let rated: readonly bigint[] = [];
  let plain: readonly string[] = [];
  const sides: Side[] = [
    {
      name: kernelSide,
      run: () =>
        timed(job.slotWh.length, async () => {
          rated = rateWhole(job);
        }),
    },
    { name: memorySide, run: () => timed(copy.length, async () => copy.set(job.slotWh)) },
    {
      name: decimalSide,
      run: () =>
        timed(decimalSlots, async () => {
          plain = decimalMicros(job, decimalSlots);
        }),
    },
  ];
  const rates = await sideBySide(sides, { rounds, onProgress });
  assert(plain.length > 0, 'decimal.js rated at least one agreement');
  for (const [agreement, micros] of plain.entries()) {
    assert(rated[agreement].toString() === micros, `agreement ${agreement} costs ${micros} micros`);
  }
  const totalMicros = rated.reduce((sum, micros) => sum + micros, 0n);
  const verified = `${totalMicros} micros; ${plain.length} agreements to the micro by decimal.js`;
  const line = { side: kernelSide, unit: 'intervals/s', verified };
  return [
    { name: 'kernel, time of use, one thread', against: decimalSide, target: 800 },
    { name: 'kernel, over reading its memory', against: memorySide, target: 0.35 },
  ].map((each) => compare(rates, { ...line, ...each }));
}
