import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotMs } from '../../../src/domain/rating/slot.ts';
import { checkConsecutiveInterval } from '../../../src/domain/vee/consecutiveInterval.ts';
import { checkDynamicComparison } from '../../../src/domain/vee/dynamicComparison.ts';
import type { Seen } from '../../../src/domain/vee/finding.ts';
import { checkHighLow } from '../../../src/domain/vee/highLow.ts';
import { checkIntervalSpike } from '../../../src/domain/vee/intervalSpike.ts';
import { checkMissingQuantity } from '../../../src/domain/vee/missingQuantity.ts';
import { defaultVeeSet } from '../../../src/domain/vee/set.ts';
import { checkSum } from '../../../src/domain/vee/sumCheck.ts';
import type { WindowInput } from '../../../src/domain/vee/window.ts';
import { slowDynamic, slowHighLow, slowMissing, slowRun, slowSpike, slowSum } from './slowRules.ts';
import type { Values } from './slowRules.ts';
import { slotsFrom, tuesdayMs, tuesdaySlot, value, windowOf } from './windows.ts';

/**
 * Rules against their slow twins, over random windows; and the same properties against rules with a
 * planted fault, each of which they must find.
 */
const { rules } = defaultVeeSet('community');
type Check = (input: WindowInput) => Seen | null;
/** Throws with the smallest window on which the check and its twin differ. */
type Agreement = (check: Check, parameters: { numRuns: number; seed?: number }) => void;

const values = fc.array(value, { minLength: 1, maxLength: 40 });

function inputOf(window: Values, history: Values = []): WindowInput {
  return windowOf({
    toMs: tuesdayMs + window.length * slotMs,
    slots: slotsFrom(tuesdaySlot, window),
    history: history.length === 0 ? null : slotsFrom(tuesdaySlot - history.length, history),
  });
}

const spikeLimits = { percentMax: 200, knownSlotsMin: 3, peakWhMin: 0 };
const spikeAgrees: Agreement = (check, parameters) => {
  fc.assert(
    fc.property(values, (window) => {
      expect(check(inputOf(window)) !== null).toBe(slowSpike(window, spikeLimits));
    }),
    parameters,
  );
};
const spike: Check = (input) => checkIntervalSpike(spikeLimits, input);

const highLowLimits = { ...rules.highLow, lowPercentMin: 40, historyDaysMin: 1, dailyWhMin: 0 };
const history = fc.array(value, { minLength: 90, maxLength: 110 });
const highLowAgrees: Agreement = (check, parameters) => {
  fc.assert(
    fc.property(values, history, (window, before) => {
      const found = check(inputOf(window, before)) !== null;
      expect(found).toBe(slowHighLow(window, before, highLowLimits));
    }),
    parameters,
  );
};
const highLow: Check = (input) => checkHighLow(highLowLimits, input);

const sumLimits = { toleranceBasisPoints: 100, toleranceWh: 1 };
const nearSum = fc.tuple(values, fc.integer({ min: -30, max: 30 })).map(([intervals, off]) => {
  const sum = intervals.reduce((all: number, wh) => all + (wh ?? 0), 0);
  return { intervals, registerWh: Math.max(0, sum + off) };
});
const sumInput = (intervals: Values, registerWh: number) => ({
  ...inputOf(intervals),
  intervals: slotsFrom(tuesdaySlot, intervals),
  register: {
    fromMs: tuesdayMs,
    toMs: tuesdayMs + intervals.length * slotMs,
    wh: BigInt(registerWh),
  },
});
const sumAgrees: Agreement = (check, parameters) => {
  fc.assert(
    fc.property(nearSum, ({ intervals, registerWh }) => {
      const found = check(sumInput(intervals, registerWh)) !== null;
      expect(found).toBe(slowSum(registerWh, intervals, sumLimits));
    }),
    parameters,
  );
};
const sum: Check = (input) => checkSum(sumLimits, input);

const dynamicLimits = {
  ...rules.dynamicComparison,
  deviationsPercentMax: 150,
  historyDaysMin: 2,
  differenceWhMin: 10,
};
/** Days of few distinct energies in their first slot, so that deviations are small and equal. */
const smallDay = fc
  .tuple(fc.integer({ min: 90, max: 130 }), fc.boolean())
  .map(([wh, isWhole]) => [
    wh,
    ...Array.from({ length: 95 }, (_, at) => (isWhole || at ? 1 : null)),
  ]);
const dynamicAgrees: Agreement = (check, parameters) => {
  fc.assert(
    fc.property(smallDay, fc.array(smallDay, { minLength: 1, maxLength: 6 }), (window, days) => {
      const found = check(inputOf(window, days.flat())) !== null;
      expect(found).toBe(slowDynamic(window, days, dynamicLimits));
    }),
    parameters,
  );
};
const dynamic: Check = (input) => checkDynamicComparison(dynamicLimits, input);

const runAgrees: Agreement = (check, parameters) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 5, 5, 5, 6, null), { maxLength: 25 }), (window) => {
      const found = check(inputOf([...window, 1])) !== null;
      expect(found).toBe(slowRun(window) > 3);
    }),
    parameters,
  );
};
const run: Check = (input) => checkConsecutiveInterval({ identicalSlotsMax: 3 }, input);

const missingAgrees: Agreement = (check, parameters) => {
  fc.assert(
    fc.property(values, (window) => {
      const count = slowMissing(window);
      expect(check(inputOf(window))?.detail['missingSlots'] ?? '0').toBe(String(count));
    }),
    parameters,
  );
};
const missing: Check = (input) => checkMissingQuantity({ missingSlotsMax: 0 }, input);

const agreements = { spike, highLow, sum, dynamic, run, missing } as const;
const properties = {
  spike: spikeAgrees,
  highLow: highLowAgrees,
  sum: sumAgrees,
  dynamic: dynamicAgrees,
  run: runAgrees,
  missing: missingAgrees,
} as const;
const names = ['spike', 'highLow', 'sum', 'dynamic', 'run', 'missing'] as const;

/** What is unknown as if it were nothing. */
const holesAsZeros = (input: WindowInput): WindowInput => ({
  ...input,
  slots: {
    ...input.slots,
    wh: input.slots.wh.map((wh) => (Number.isNaN(wh) ? 0 : wh)),
    quality: input.slots.quality.map((quality) => (quality === 3 ? 0 : quality)),
  },
});
const some: Seen = { fromMs: 0, toMs: 1, message: '', detail: {}, readingsAtMs: [] };
const seenIf = (condition: boolean): Seen | null => (condition ? some : null);
const list = (input: WindowInput) => [...input.slots.wh].filter((wh) => !Number.isNaN(wh));

/** Faults as somebody could write them. */
const planted: readonly (readonly [string, (typeof names)[number], Check])[] = [
  [
    'the second highest is taken for the third',
    'spike',
    (input) => {
      const [first = 0, second = 0] = list(input).toSorted((left, right) => right - left);
      return seenIf(list(input).length >= 3 && (first - second) * 100 > second * 200);
    },
  ],
  [
    'the limit itself is a spike',
    'spike',
    (input) => checkIntervalSpike({ ...spikeLimits, percentMax: 199 }, input),
  ],
  ['what is missing counts as zero in a spike', 'spike', (input) => spike(holesAsZeros(input))],
  ['what is missing counts as zero in a mean', 'highLow', (input) => highLow(holesAsZeros(input))],
  [
    'the limit for low is forgotten',
    'highLow',
    (input) => checkHighLow({ ...highLowLimits, lowPercentMin: 0 }, input),
  ],
  [
    'too little history is enough',
    'highLow',
    (input) => {
      const wh = input.history === null ? [] : [...input.history.wh];
      return highLow({ ...input, history: slotsFrom(tuesdaySlot - 2 * wh.length, [...wh, ...wh]) });
    },
  ],
  [
    'the difference is related to the intervals',
    'sum',
    (input) => {
      const intervals = list(input).reduce((all, wh) => all + wh, 0);
      const registerWh = Number(input.register?.wh);
      const difference = Math.abs(intervals - registerWh);
      const hasAll = list(input).length === input.slots.wh.length;
      return seenIf(hasAll && difference > 1 && difference * 100 > intervals);
    },
  ],
  [
    'only a register above its intervals is found',
    'sum',
    (input) => {
      const intervals = list(input).reduce((all, wh) => all + wh, 0);
      return Number(input.register?.wh) < intervals ? null : sum(input);
    },
  ],
  [
    'a wider limit than the set says',
    'dynamic',
    (input) => checkDynamicComparison({ ...dynamicLimits, deviationsPercentMax: 170 }, input),
  ],
  [
    'a day with a hole is compared all the same',
    'dynamic',
    (input) => dynamic(holesAsZeros(input)),
  ],
  [
    'zeros are a run too',
    'run',
    (input) => run({ ...input, slots: { ...input.slots, wh: input.slots.wh.map((wh) => wh + 1) } }),
  ],
  ['a hole does not end a run', 'run', (input) => run(inputOf(list(input)))],
  [
    'estimated slots are missing',
    'missing',
    (input) => seenIf(list(input).length < input.slots.wh.length),
  ],
];

describe('rules against slow twins', () => {
  it.each(names)('%s agrees with its twin', (name) => {
    expect(() => {
      properties[name](agreements[name], { numRuns: 400 });
    }).not.toThrow();
  });

  it.each(planted)('a planted fault is found: %s', (_, name, fault) => {
    expect(() => {
      properties[name](fault, { numRuns: 4_000, seed: 20_260_303 });
    }).toThrow('Property failed');
  });
});

describe('what may not matter', () => {
  const orderless = ['spike', 'highLow', 'sum', 'missing'] as const;
  it.each(orderless)('%s does not see the order of the slots', (name) => {
    fc.assert(
      fc.property(nearSum, fc.infiniteStream(fc.nat()), ({ intervals, registerWh }, keys) => {
        const keyed = intervals.map((wh) => ({ wh, key: keys.next().value ?? 0 }));
        const shuffled = keyed.toSorted((left, right) => left.key - right.key).map(({ wh }) => wh);
        const before = slotsFrom(
          tuesdaySlot - 96,
          Array.from({ length: 96 }, () => 2_000),
        );
        const check = agreements[name];
        const first = check({ ...sumInput(intervals, registerWh), history: before });
        const second = check({ ...sumInput(shuffled, registerWh), history: before });
        expect(second?.detail).toEqual(first?.detail);
      }),
    );
  });

  const ratios = ['spike', 'highLow'] as const;
  it.each(ratios)('%s does not see the unit: a thousandfold of all is the same', (name) => {
    const times = (list: Values, factor: number) =>
      list.map((wh) => (wh === null ? null : wh * factor));
    fc.assert(
      fc.property(values, history, fc.integer({ min: 1, max: 1_000 }), (window, before, factor) => {
        const check = agreements[name];
        const first = check(inputOf(window, before)) === null;
        const second = check(inputOf(times(window, factor), times(before, factor))) === null;
        expect(second).toBe(first);
      }),
    );
  });
});
