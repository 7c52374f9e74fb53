import { describe, expect, it } from 'vitest';
import { assert } from '../../../src/domain/assert.ts';
import { rateLoad } from '../../../src/domain/rating/rateLoad.ts';
import { parseTariffFile } from '../../../src/domain/tariff/file.ts';
import { dayMs, hourMs } from '../../../src/domain/time/civil.ts';
import {
  estimateScalar,
  estimateScalarByProfile,
  estimateSilence,
  prorateScalar,
  scalarFromIntervals,
} from '../../../src/domain/vee/scalar.ts';
import { defaultVeeSet } from '../../../src/domain/vee/set.ts';
import type { VeeSet } from '../../../src/domain/vee/set.ts';
import { noAttributes } from '../rating/documents.ts';
import { flat, slotsFrom, tuesdayMs, tuesdaySlot } from './windows.ts';

/** Rule 7 of the domain rules 4.1: 2026 has no 29 February, so the months have 28 and 31 days. */
const januaryEndMs = Date.UTC(2026, 1, 1);
const februaryEndMs = Date.UTC(2026, 2, 1);
const marchEndMs = Date.UTC(2026, 3, 1);

/** One price until March, another from then on; a line is rounded to the cent. */
function tariffOf(price: string, validity: Record<string, string>): Record<string, unknown> {
  return {
    currency: 'EUR',
    zone: 'UTC',
    ...validity,
    rounding: { line: { step: '0.01', mode: 'half-up' } },
    components: [{ kind: 'energy', name: 'energy', flow: 'import', price }],
  };
}

/** Bills of energies that flowed in the first hour of February and of March. */
function bill(februaryWh: bigint, marchWh: bigint): readonly string[] {
  const documents = parseTariffFile({
    versions: [
      tariffOf('0.20', { validFrom: '2026-02-01' }),
      tariffOf('0.30', { validFrom: '2026-03-01' }),
    ],
  });
  assert(documents.ok, 'the tariff of the example is read');
  const energies = new Float64Array((marchEndMs - januaryEndMs) / hourMs);
  energies[0] = Number(februaryWh);
  energies[(februaryEndMs - januaryEndMs) / hourMs] = Number(marchWh);
  const rated = rateLoad({
    documents: documents.value,
    load: {
      fromMs: januaryEndMs,
      intervalMs: hourMs,
      unitsPerWh: 1,
      import: energies,
      export: null,
      reactive: null,
      estimated: null,
    },
    zone: 'UTC',
    fromMs: januaryEndMs,
    toMs: marchEndMs,
    attributes: noAttributes,
  });
  assert(rated.ok, 'the example is rated');
  return rated.value.bills.map(({ total }) =>
    (Number((total.numerator * 100n) / total.denominator) / 100).toFixed(2),
  );
}

describe('rule 7, Scalar Proration: an estimate is made up for', () => {
  it('220 kWh over 28 and 31 of 59 days are 104.407 and 115.593 kWh', () => {
    const actual = { fromMs: januaryEndMs, toMs: marchEndMs, wh: 1_220_000n - 1_000_000n };
    expect(prorateScalar(actual, [februaryEndMs])).toEqual([
      { fromMs: januaryEndMs, toMs: februaryEndMs, wh: 104_407n },
      { fromMs: februaryEndMs, toMs: marchEndMs, wh: 115_593n },
    ]);
  });

  it('the February of 50.00 becomes 20.88 and March is 34.68, none of it negative', () => {
    const actual = { fromMs: januaryEndMs, toMs: marchEndMs, wh: 220_000n };
    const [february, march] = prorateScalar(actual, [februaryEndMs]);
    assert(february !== undefined && march !== undefined, 'two parts');
    expect(bill(250_000n, 0n)).toEqual(['50.00', '0.00']);
    expect(bill(february.wh, march.wh)).toEqual(['20.88', '34.68']);
  });

  it('parts sum to the whole, whatever the splits', () => {
    const amount = { fromMs: 0, toMs: 997, wh: 101n };
    const parts = prorateScalar(amount, [1, 2, 500, 996]);
    expect(parts.reduce((sum, { wh }) => sum + wh, 0n)).toBe(101n);
    expect(parts).toHaveLength(5);
    expect(prorateScalar(amount, [])).toEqual([amount]);
  });

  it('a half is rounded up at the split, never at both of its sides', () => {
    const parts = prorateScalar({ fromMs: 0, toMs: 2, wh: 3n }, [1]);
    expect(parts.map(({ wh }) => wh)).toEqual([2n, 1n]);
  });
});

describe('a bill that must close while its meter is silent', () => {
  it('Scalar Estimation: as much a day as before, over all measured times', () => {
    // 280 kWh in 28 days and 20 kWh in 2: 10 kWh a day; 3 days are 30 kWh.
    const before = [
      { fromMs: tuesdayMs - 30 * dayMs, toMs: tuesdayMs - 2 * dayMs, wh: 280_000n },
      { fromMs: tuesdayMs - 2 * dayMs, toMs: tuesdayMs, wh: 20_000n },
    ];
    const span = { fromMs: tuesdayMs, toMs: tuesdayMs + 3 * dayMs };
    expect(estimateScalar(before, span)).toEqual({ ...span, wh: 30_000n });
    expect(estimateScalar([], span)).toBeNull();
  });

  it('Scalar Profile Estimation: as much as the profile says beside what was measured', () => {
    const day = (share: number) => flat(96, share).map(Number);
    const of = {
      profile: { workday: day(1), saturday: day(2), sunday: day(3) },
      holidays: new Set<number>(),
      zone: 'UTC',
    };
    // Tuesday to Friday 4 x 1 share measured; Saturday and Sunday are 5 shares.
    const measured = { fromMs: tuesdayMs, toMs: tuesdayMs + 4 * dayMs, wh: 40_000n };
    const span = { fromMs: tuesdayMs + 4 * dayMs, toMs: tuesdayMs + 6 * dayMs };
    expect(estimateScalarByProfile(of, [measured], span)).toEqual({ ...span, wh: 50_000n });
    const halfDay = { ...span, toMs: span.fromMs + dayMs / 2 };
    expect(estimateScalarByProfile(of, [measured], halfDay)?.wh).toBe(10_000n);
    const holiday = { ...of, holidays: new Set([tuesdayMs / dayMs]) };
    expect(estimateScalarByProfile(holiday, [measured], span)?.wh, '40 over 6 shares').toBe(
      33_333n,
    );
    const never = { ...of, profile: { ...of.profile, workday: day(0) } };
    expect(estimateScalarByProfile(never, [measured], span)).toBeNull();
  });

  it('the profile of the set goes first, then the mean of before, then nothing is said', () => {
    const day = (share: number) => flat(96, share).map(Number);
    const profile = { workday: day(1), saturday: day(2), sunday: day(3) };
    const community = defaultVeeSet('community');
    const before = [{ fromMs: tuesdayMs, toMs: tuesdayMs + 4 * dayMs, wh: 40_000n }];
    const weekend = { fromMs: tuesdayMs + 4 * dayMs, toMs: tuesdayMs + 6 * dayMs };
    const silence = (set: VeeSet, amounts = before) =>
      estimateSilence(set, { before: amounts, zone: 'UTC' }, weekend);
    expect(silence({ ...community, profile })).toEqual({
      amount: { ...weekend, wh: 50_000n },
      rule: 'scalarProfile',
    });
    expect(silence(community)).toEqual({
      amount: { ...weekend, wh: 20_000n },
      rule: 'scalarEstimation',
    });
    expect(silence({ ...community, profile: { ...profile, workday: day(0) } })?.rule).toBe(
      'scalarEstimation',
    );
    expect(silence({ ...community, profile }, [])).toBeNull();
  });

  it('Scalar Calculation From Interval: the sum of intervals, nothing if one is missing', () => {
    const span = { fromMs: tuesdayMs, toMs: tuesdayMs + hourMs };
    const sum = (...energies: (number | null)[]) =>
      scalarFromIntervals(slotsFrom(tuesdaySlot, energies), span);
    expect(sum(1, 20, 300, 4_000, 9)).toEqual({ ...span, wh: 4_321n });
    expect(sum(1, 20, null, 4_000)).toBeNull();
    expect(sum(1, 20, 300)).toBeNull();
  });
});
