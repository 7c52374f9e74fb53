import { describe, expect, test } from 'vitest';
import { rateLab } from '../../../src/domain/lab/labJob.ts';
import type { LabJob, LabSubject } from '../../../src/domain/lab/labJob.ts';
import { monthsLookedBack } from '../../../src/domain/lab/lookBack.ts';
import { emptyDay, mergeReadings } from '../../../src/domain/series/day.ts';
import { encodeDay } from '../../../src/domain/series/dayCodec.ts';
import { packDays } from '../../../src/domain/series/loadOfDays.ts';
import type { PackedDays } from '../../../src/domain/series/loadOfDays.ts';
import { parseTariffDocument } from '../../../src/domain/tariff/document.ts';
import { dayMs } from '../../../src/domain/time/civil.ts';
import { monthOfLabel } from '../../../src/domain/time/month.ts';

/**
 * Made up: 10 kWh a day from 1 January 2026 UTC on, read at midnight; the present tariff is 0.25
 * EUR a kWh. January and February are 590 kWh, March is 310.
 */
const beginMs = Date.UTC(2026, 0, 1);

function register(channel: number, whPerDay: number, days = 100): PackedDays {
  const bytes = Array.from({ length: days }, (_, index) => {
    const day = beginMs / dayMs + index;
    const series = emptyDay(day);
    const columns = {
      readAtMs: Float64Array.of(day * dayMs),
      value: BigInt64Array.of(BigInt(whPerDay * index)),
      quality: new Uint8Array(1),
      factor: 1,
      epoch: 1,
      sequence: 1n,
    };
    mergeReadings(series, columns, { from: 0, to: 1 });
    return { bytes: encodeDay(series), carryIn: null };
  });
  return packDays(channel, bytes, []);
}

const subject: LabSubject = {
  agreementId: 1,
  tariffId: 1,
  zone: 'Etc/UTC',
  currency: 'EUR',
  isPrepaid: false,
  attributes: { customerClass: 'home' },
  validFromMs: Date.UTC(2020, 0, 1),
  validToMs: Infinity,
  meters: [{ powerMaxW: 10_000, registerModulusWh: null, channels: [register(1, 10_000)] }],
};

const present = {
  currency: 'EUR',
  components: [{ kind: 'energy', name: 'work', flow: 'import', price: '0.25' }],
};

function jobOf(draft: unknown, changed: Partial<LabJob> = {}): LabJob {
  return {
    draft,
    tariffs: new Map([[1, [{ validFromMs: Date.UTC(2020, 0, 1), document: present }]]]),
    prices: new Map(),
    fromMonth: monthOfLabel('2026-03'),
    throughMonth: monthOfLabel('2026-03'),
    nowMs: Date.UTC(2026, 5, 1),
    subjects: [subject],
    ...changed,
  };
}

function energy(changed: object): object {
  const component = { kind: 'energy', name: 'work', flow: 'import', ...changed };
  return { currency: 'EUR', components: [component] };
}

describe('a draft over an agreement', () => {
  test('begins its yearly blocks with the months before the first that is asked for', () => {
    const draft = energy({
      price: [{ upTo: '600', price: '0.20' }, { price: '0.30' }],
      tiers: { unit: 'kWh', reset: 'year', allocation: 'chronological' },
    });
    const [rated] = rateLab(jobOf(draft));
    // 590 kWh are used: 10 x 0.20 + 300 x 0.30; before, 310 x 0.25.
    expect(rated).toEqual({
      ok: true,
      value: {
        customerClass: 'home',
        energyWh: 310_000n,
        months: [{ month: '2026-03', beforeMicros: 77_500_000n, afterMicros: 92_000_000n }],
        warnings: [],
      },
    });
  });

  test('is compared month by month, also with what the present tariff was before a version', () => {
    const dearer = { ...present, components: [{ ...present.components[0], price: '0.50' }] };
    const tariffs = new Map([
      [
        1,
        [
          { validFromMs: Date.UTC(2020, 0, 1), document: present },
          { validFromMs: Date.UTC(2026, 1, 15), document: dearer },
        ],
      ],
    ]);
    const [rated] = rateLab(
      jobOf(energy({ price: '0.30' }), { tariffs, fromMonth: monthOfLabel('2026-01') }),
    );
    // February has 14 days at 0.25 and 14 at 0.50: 35 + 70.
    expect(rated).toMatchObject({
      value: {
        energyWh: 900_000n,
        months: [
          { month: '2026-01', beforeMicros: 77_500_000n, afterMicros: 93_000_000n },
          { month: '2026-02', beforeMicros: 105_000_000n, afterMicros: 84_000_000n },
          { month: '2026-03', beforeMicros: 155_000_000n, afterMicros: 93_000_000n },
        ],
      },
    });
  });

  test('looks back as far as there is a version, and no further', () => {
    const blocks = energy({
      price: [{ upTo: '600', price: '0.20' }, { price: '0.30' }],
      tiers: { unit: 'kWh', reset: 'year', allocation: 'chronological' },
    });
    const tariffs = new Map([[1, [{ validFromMs: Date.UTC(2026, 1, 1), document: blocks }]]]);
    const [rated] = rateLab(jobOf(present, { tariffs }));
    // February's 280 kWh count: 310 more stay below 600.
    expect(rated).toMatchObject({
      value: { months: [{ beforeMicros: 62_000_000n, afterMicros: 77_500_000n }] },
    });
    const early = rateLab(jobOf(present, { tariffs, fromMonth: monthOfLabel('2026-01') }));
    expect(early).toMatchObject([{ ok: false, code: 'TARIFF_NOT_VALID' }]);
  });

  test('is the same alone and beside others that share its tables', () => {
    const small = { powerMaxW: 10_000, registerModulusWh: null, channels: [register(1, 960)] };
    const subjects = [
      subject,
      { ...subject, meters: [small] },
      { ...subject, zone: 'Asia/Kolkata' },
    ];
    const draft = {
      currency: 'EUR',
      components: [
        { kind: 'energy', name: 'work', flow: 'import', price: '0.25' },
        { kind: 'demand', name: 'peak', unit: 'kW', windowMinutes: 30, measure: 'max', price: '3' },
      ],
    };
    const alone = subjects.flatMap((each) => rateLab(jobOf(draft, { subjects: [each] })));
    expect(rateLab(jobOf(draft, { subjects }))).toEqual(alone);
    expect(
      new Set(alone.map((each) => each.ok && String(each.value.months[0]?.afterMicros))).size,
    ).toBeGreaterThan(1);
  });

  test('sums the meters of a service point, one exchanged for another', () => {
    const half = register(1, 5_000);
    const two = [0, 1].map(() => ({
      powerMaxW: 10_000,
      registerModulusWh: null,
      channels: [half],
    }));
    const [rated] = rateLab(
      jobOf(energy({ price: '0.30' }), { subjects: [{ ...subject, meters: two }] }),
    );
    expect(rated).toMatchObject({ value: { energyWh: 310_000n } });
  });

  test('pays for export where the draft does', () => {
    const [meter] = subject.meters;
    if (meter === undefined) throw new Error('the subject has a meter');
    const meters = [{ ...meter, channels: [...meter.channels, register(2, 2_000)] }];
    const draft = {
      currency: 'EUR',
      components: [
        { kind: 'energy', name: 'work', flow: 'import', price: '0.25' },
        { kind: 'energy', name: 'feed in', flow: 'export', price: '0.10' },
      ],
    };
    const [rated] = rateLab(jobOf(draft, { subjects: [{ ...subject, meters }] }));
    // 62 kWh of export x 0.10 less.
    expect(rated).toMatchObject({
      value: { months: [{ beforeMicros: 77_500_000n, afterMicros: 71_300_000n }] },
    });
  });

  test('warns where a prepaid agreement could not have it', () => {
    const draft = {
      currency: 'EUR',
      components: [
        { kind: 'energy', name: 'work', flow: 'import', price: '0.25' },
        {
          kind: 'discount',
          name: 'small',
          amount: '1',
          of: 'subtotal',
          when: { useAtMostKwh: '500' },
        },
      ],
    };
    const [rated] = rateLab(jobOf(draft, { subjects: [{ ...subject, isPrepaid: true }] }));
    expect(rated).toMatchObject({ ok: true, value: { warnings: ['PREPAID_UNSUPPORTED'] } });
  });

  const refused: [string, object, Partial<LabSubject>, string][] = [
    ['another currency', { ...present, currency: 'USD' }, {}, 'CURRENCY_MISMATCH'],
    [
      'months before the agreement',
      present,
      { validFromMs: Date.UTC(2026, 3, 1) },
      'PERIOD_NOT_COVERED',
    ],
    ['a tariff without a version', present, { tariffId: 2 }, 'TARIFF_NOT_FOUND'],
    [
      'a register that is not there',
      {
        currency: 'EUR',
        components: [
          {
            kind: 'reactive',
            name: 'blind',
            measure: 'excess',
            quadrants: ['q1'],
            freeShare: '0.5',
            price: '0.01',
            unmetered: 'refuse',
          },
        ],
      },
      {},
      'REACTIVE_NOT_METERED',
    ],
  ];
  test.each(refused)('is refused for %s, and never a zero', (_name, draft, changed, code) => {
    const [rated] = rateLab(jobOf(draft, { subjects: [{ ...subject, ...changed }] }));
    expect(rated).toMatchObject({ ok: false, code });
  });
});

describe('how far a tariff looks back', () => {
  const cases: [string, object, number][] = [
    ['plain prices', { price: '1' }, 0],
    [
      'blocks of the month',
      {
        price: [{ upTo: '9', price: '1' }, { price: '2' }],
        tiers: { unit: 'kWh', reset: 'month', allocation: 'chronological' },
      },
      0,
    ],
    [
      'blocks of the year',
      {
        price: [{ upTo: '9', price: '1' }, { price: '2' }],
        tiers: { unit: 'kWh', reset: 'year', allocation: 'chronological' },
      },
      11,
    ],
  ];
  test.each(cases)('%s', (_name, changed, months) => {
    const parsed = parseTariffDocument(energy(changed));
    expect(parsed.ok && monthsLookedBack([parsed.value])).toBe(months);
  });
});
