import { expect, test } from 'vitest';
import { csvOf } from '../../scripts/knownAnswers/commandLineCases.ts';
import { loadOf } from '../../scripts/knownAnswers/road.ts';
import { sscAsUrdb } from '../../scripts/knownAnswers/sscUrdb.ts';
import { sscInputs } from '../../scripts/knownAnswers/sscTariff.ts';
import { parseLoadCsv } from '../../src/cli/loadCsv.ts';

test('a load that is written for the command line is read there as it was', () => {
  const load = loadOf(
    { fromMs: Date.UTC(2026, 0, 1), minutes: 30 },
    { import: [1, 0, 3], export: [0, 2, 0], q1: [5, 6, 7] },
  );
  const withGap = { ...load, import: Float64Array.of(1, Number.NaN, 3) };
  expect(parseLoadCsv(csvOf(withGap))).toEqual({ ok: true, value: withGap });
});

test('hourly prices and credits in money have no form in the URDB', () => {
  const flat = Array.from({ length: 12 }, () => Array.from({ length: 24 }, () => 1));
  const inputs = (numbers: object) =>
    sscInputs.parse({
      numbers: { ur_metering_option: 2, ur_dc_enable: 0, ...numbers },
      matrices: {
        ur_ec_sched_weekday: flat,
        ur_ec_sched_weekend: flat,
        ur_ec_tou_mat: [[1, 1, null, 0, 0.1, 0.05]],
      },
      arrays: {},
    });
  expect(sscAsUrdb(inputs({ ur_en_ts_buy_rate: 1 }), false)).toBeNull();
  expect(sscAsUrdb(inputs({ ur_metering_option: 1 }), true)).toBeNull();
  expect(sscAsUrdb(inputs({ ur_metering_option: 1 }), false)).toContain('"rate":0.1');
  expect(() => inputs({ ur_unheard_of: 1 })).toThrow('ur_unheard_of');
});
