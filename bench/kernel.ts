import { Decimal } from 'decimal.js';
import { assert } from '../src/domain/assert.ts';
import { emptyCarry } from '../src/domain/rating/bill.ts';
import { compileTariff } from '../src/domain/rating/compile.ts';
import type { CompiledTariff } from '../src/domain/rating/compiled.ts';
import { accumulatorAt, rateJob } from '../src/domain/rating/job.ts';
import type { RatingJob } from '../src/domain/rating/job.ts';
import { openMicros, runningMicros } from '../src/domain/rating/running.ts';
import { slotMs } from '../src/domain/rating/slot.ts';
import { parseAttributes } from '../src/domain/tariff/attributes.ts';
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

/** A month of quarter hours of 3,600 agreements, 84 MB: more than any cache holds. */
export const kernelSize: KernelSize = {
  agreements: 3_600,
  slotsPerAgreement: 2_976,
  decimalSlots: 104_160,
  rounds: 7,
};

/** Midnight of new year in Berlin: January has 2,976 quarter hours. */
const fromMs = Date.UTC(2025, 11, 31, 23);
const memorySide = 'memcpy';
const hoursOfJanuary = 744;

/** Price of an hour, currency a MWh: every price once, some below zero. */
function spotText(hour: number): string {
  return `${hour % 31 === 7 ? '-' : ''}${(hour * 37) % 150}.${(hour % 90) + 10}`;
}

const [energy] = dayNightTariff.components;
/** The kinds of energy that the kernel has a way of its own for. */
const kinds = {
  'time of use': dayNightTariff,
  'chronological blocks': {
    ...dayNightTariff,
    components: [
      {
        ...energy,
        prices: Object.fromEntries(
          Object.entries(energy.prices).map(([period, price]) => [
            period,
            [{ upTo: '50', price }, { upTo: '100', price: '0.4' }, { price: '0.5' }],
          ]),
        ),
        tiers: { unit: 'kWh', reset: 'bill', allocation: 'chronological', proration: 'none' },
      },
    ],
  },
  'spot prices': {
    currency: dayNightTariff.currency,
    priceSeries: [
      {
        name: 'spot',
        unit: 'MWh',
        minutes: 60,
        from: new Date(fromMs).toISOString(),
        prices: Array.from({ length: hoursOfJanuary }, (_, hour) => spotText(hour)),
      },
    ],
    components: [
      { kind: 'dynamic', name: 'spot', flow: 'import', series: 'spot', missing: 'refuse' },
    ],
  },
};
type Kind = keyof typeof kinds;

function compiledOf(kind: Kind, slots: number): CompiledTariff {
  const parsed = parseTariffDocument(kinds[kind]);
  assert(parsed.ok, `the tariff of ${kind} is one`);
  const window = { zone: 'Europe/Berlin', fromMs, toMs: fromMs + slots * slotMs };
  const compiled = compileTariff(parsed.value, window);
  assert(compiled.ok, `the tariff of ${kind} compiles`);
  return compiled.value;
}

export function compiledHome(slots: number): CompiledTariff {
  return compiledOf('time of use', slots);
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
    import: Float64Array.from({ length: slots }, (_, index) => energyWhAt(index)),
    export: null,
    reactive: null,
    estimated: null,
    hasReactive: null,
    offsets: Int32Array.from({ length: agreements + 1 }, (_, n) => n * slotsPerAgreement),
    firstSlot: new Float64Array(agreements).fill(compiled.firstSlot),
    tableIndex: new Int32Array(agreements),
    tables: [compiled],
  };
}

/** Rates and makes the money of each agreement, as live rating does. */
function rateWhole(job: RatingJob): bigint[] {
  const result = rateJob(job);
  const attributes = parseAttributes({});
  assert(attributes.ok, 'no attributes are attributes');
  const settlement = { attributes: attributes.value, carryIn: emptyCarry, openUntilMs: fromMs };
  return Array.from(job.tableIndex, (table, agreement) => {
    const compiled = job.tables[table];
    if (result.folds === null) {
      return runningMicros(compiled, result.sums, result.sumOffsets[agreement]);
    }
    const micros = openMicros(compiled, accumulatorAt(result, agreement), settlement);
    assert(micros.ok, 'the series has all prices');
    return micros.value;
  });
}

/** Currency a kWh of a slot, and of tiers what the next kWh costs there. */
type PriceAt = (slot: number, usedKwh: Decimal) => Decimal;

function decimalPrices(kind: Kind, table: CompiledTariff): PriceAt {
  if (kind === 'spot prices') {
    const prices = Array.from({ length: hoursOfJanuary }, (_, hour) =>
      new Decimal(spotText(hour)).div(1_000),
    );
    return (slot) => prices[Math.floor(slot / 4)];
  }
  const plain = Object.values(energy.prices).map((text) => new Decimal(text));
  const first = (slot: number): Decimal => plain[table.superPeriodOfSlot[slot]];
  if (kind === 'time of use') return first;
  const [second, third] = [new Decimal('0.4'), new Decimal('0.5')];
  return (slot, usedKwh) => {
    if (usedKwh.lt(50)) return first(slot);
    return usedKwh.lt(100) ? second : third;
  };
}

/** How many kWh are left up to the next limit. */
function roomUpTo(usedKwh: Decimal): Decimal {
  if (usedKwh.lt(50)) return new Decimal(50).minus(usedKwh);
  return usedKwh.lt(100) ? new Decimal(100).minus(usedKwh) : new Decimal(Infinity);
}

/**
 * What one would write first: kWh times price, slot by slot, exact, with the price of the slot at
 * hand. The money of each agreement.
 */
function decimalMicros(kind: Kind, job: RatingJob, slots: number): string[] {
  const priceAt = decimalPrices(kind, job.tables[0]);
  const isTiered = kind === 'chronological blocks';
  const amounts: string[] = [];
  for (let agreement = 0; job.offsets[agreement + 1] <= slots; agreement += 1) {
    const from = job.offsets[agreement];
    let amount = new Decimal(0);
    let usedKwh = new Decimal(0);
    for (let index = from; index < job.offsets[agreement + 1]; index += 1) {
      let kwh = new Decimal(job.import[index]).div(1_000);
      if (isTiered && kwh.gt(roomUpTo(usedKwh))) {
        const room = roomUpTo(usedKwh);
        amount = amount.plus(room.times(priceAt(index - from, usedKwh)));
        usedKwh = usedKwh.plus(room);
        kwh = kwh.minus(room);
      }
      amount = amount.plus(kwh.times(priceAt(index - from, usedKwh)));
      if (isTiered) usedKwh = usedKwh.plus(kwh);
    }
    amounts.push(amount.times(1_000_000).toDecimalPlaces(0, Decimal.ROUND_HALF_EVEN).toFixed(0));
  }
  return amounts;
}

/** One kind's kernel and the loop that one would write first, and what both came to. */
function sidesOf(kind: Kind, size: KernelSize) {
  const { agreements, slotsPerAgreement, decimalSlots } = size;
  const job = jobOf(compiledOf(kind, slotsPerAgreement), { agreements, slotsPerAgreement });
  const came: { rated: readonly bigint[]; plain: readonly string[] } = { rated: [], plain: [] };
  const kernelSide = `kernel, ${kind}`;
  const decimalSide = `decimal.js loop, ${kind}`;
  const sides: Side[] = [
    {
      name: kernelSide,
      run: () =>
        timed(job.import.length, async () => {
          came.rated = rateWhole(job);
        }),
    },
    {
      name: decimalSide,
      run: () =>
        timed(decimalSlots, async () => {
          came.plain = decimalMicros(kind, job, decimalSlots);
        }),
    },
  ];
  const verify = (): string => {
    const { rated, plain } = came;
    assert(plain.length > 0, 'decimal.js rated at least one agreement');
    for (const [agreement, micros] of plain.entries()) {
      const isSame = rated[agreement].toString() === micros;
      assert(isSame, `agreement ${agreement} costs ${micros} micros, not ${rated[agreement]}`);
    }
    const totalMicros = rated.reduce((sum, micros) => sum + micros, 0n);
    return `${totalMicros} micros; ${plain.length} agreements to the micro by decimal.js`;
  };
  return { kind, kernelSide, decimalSide, sides, verify, column: job.import };
}

/** The rating kernel in one thread: intervals a second to money. */
export async function kernel(
  { onProgress }: { onProgress: (line: string) => void },
  size: KernelSize,
): Promise<Result[]> {
  const measured = (['time of use', 'chronological blocks', 'spot prices'] as const).map((kind) =>
    sidesOf(kind, size),
  );
  const [{ column }] = measured;
  const copy = new Float64Array(column.length);
  const memory: Side = {
    name: memorySide,
    run: () => timed(copy.length, async () => copy.set(column)),
  };
  const sides = [...measured.flatMap((each) => each.sides), memory];
  const rates = await sideBySide(sides, { rounds: size.rounds, onProgress });
  return measured.flatMap(({ kind, kernelSide, decimalSide, verify }) => {
    const line = { side: kernelSide, unit: 'intervals/s', verified: verify() };
    return [
      { name: `kernel, ${kind}, one thread`, against: decimalSide, target: 800 },
      { name: `kernel, ${kind}, over reading its memory`, against: memorySide, target: 0.35 },
    ].map((each) => compare(rates, { ...line, ...each }));
  });
}
