import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { answerOf } from '../../scripts/knownAnswers/answer.ts';
import { scheduleTariff } from '../../scripts/knownAnswers/scheduleTariff.ts';
import { checkMonthlyEnergy } from '../../scripts/knownAnswers/sscCases.ts';

/** Weekdays from 08:00 to 20:00 are period 2 in July, everything else is period 1. */
const cheap = Array.from({ length: 24 }, () => 1);
const peaked = cheap.map((period, hour) => (hour >= 8 && hour < 20 ? 2 : period));
const weekday = Array.from({ length: 12 }, (_, month) => (month === 6 ? peaked : cheap));
const weekend = Array.from({ length: 12 }, () => cheap);
const prices = new Map([
  [1, '0.1'],
  [2, '0.25'],
]);
const steady = {
  name: 'steady',
  tariff: scheduleTariff({ weekday, weekend, prices }),
  hourWh: Array.from({ length: 8_760 }, () => 1_000),
};
/**
 * 1 kWh every hour of 2018: 74.4, 67.2 and 72.0 for months of 31, 28 and 30 days; July has 22
 * weekdays, so 264 hours of it cost 0.15 more: 74.4 + 39.6 = 114.
 */
const worked = '74.4 67.2 74.4 72 74.4 72 114 74.4 72 74.4 72 74.4'.split(' ');

test('the energy charges of a schedule are those that a person works out', () => {
  const answer = checkMonthlyEnergy({ ...steady, expected: worked });
  expect(answer).toEqual({
    name: 'steady',
    isRight: true,
    detail: '12 monthly energy charges to 9 places',
  });
});

test('a wrong answer planted in one month is found and named', () => {
  const expected = worked.with(6, '114.000000001');
  expect(checkMonthlyEnergy({ ...steady, expected })).toEqual({
    name: 'steady',
    isRight: false,
    detail: '2018-07: 114, expected 114.000000001',
  });
  const hourWh = steady.hourWh.with(8_759, 1_001);
  expect(checkMonthlyEnergy({ ...steady, hourWh, expected: worked }).detail).toBe(
    '2018-12: 74.4001, expected 74.4',
  );
});

test('a case with nothing to compare is not a passed one', () => {
  expect(answerOf('empty', 'values', []).isRight).toBe(false);
});

type Ended = { readonly code: number | string; readonly output: string };

function runScript(name: string, args: readonly string[]): Promise<Ended> {
  const script = fileURLToPath(new URL(`../../scripts/${name}.ts`, import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, output: stdout + stderr });
    });
  });
}

test.each([
  [['no-such-folder'], /^DATA_ABSENT: no-such-folder does not hold .*: .*-- DIR\n$/],
  [[], /^DATA_ABSENT: name the folder of known answers: npm run known-answers -- DIR\n$/],
])('without the folder of data the command fails and says what to give', async (args, says) => {
  const ended = await runScript('knownAnswers', args);
  expect(ended.code).toBe(1);
  expect(ended.output).toMatch(says);
});

describe.each([
  ['knownAnswers', 'npm run known-answers -- '],
  ['replay', 'npm run replay -- '],
  ['replayLog', 'npm run replay:log -- '],
  ['simulate', 'npm run simulate -- '],
])('the command %s', (name, usage) => {
  test('asked for help tells its usage and does nothing', async () => {
    const { code, output } = await runScript(name, ['--help']);
    expect(code).toBe(0);
    expect(output.startsWith(usage)).toBe(true);
    expect(output.trimEnd()).not.toContain('\n');
  });

  test('with an option that is not known says so in one line', async () => {
    const { code, output } = await runScript(name, ['--colour']);
    expect(code).toBe(2);
    expect(output).toMatch(/^ARGUMENT_UNKNOWN: Unknown option '--colour'; usage: .+\n$/);
    expect(output).toContain(usage);
  });
});
