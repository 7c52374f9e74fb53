import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseLoadFile } from '../../scripts/replay/loadFile.ts';
import { prepareReplay } from '../../scripts/replay/run.ts';
import { dayNightUsd, longDayCsv } from './smallLoad.ts';

function codeOf(csv: string): string {
  const parsed = parseLoadFile(csv, { stamps: 'start' });
  return parsed.ok ? 'accepted' : parsed.code;
}

describe('a load file that cannot be billed is refused by name', () => {
  test.each([
    ['LOAD_HEADER_MALFORMED', 'stamp\n2016-03-01T00:00:00Z'],
    ['LOAD_HEADER_MALFORMED', 'stamp,A,A\n2016-03-01T00:00:00Z,1,1'],
    ['LOAD_EMPTY', 'stamp,A\n'],
    // Without an offset the second 01:00 of a November night cannot be told from the first.
    ['LOAD_STAMP_MALFORMED', 'stamp,A\n2016-11-06T01:00:00,1'],
    ['LOAD_STAMP_MALFORMED', 'stamp,A\n2016-11-06T01:07:00Z,1'],
    ['LOAD_STAMPS_NOT_HOURLY', 'stamp,A\n2016-03-01T00:00:00Z,1\n2016-03-01T00:15:00Z,1'],
    ['LOAD_STAMPS_NOT_HOURLY', 'stamp,A\n2016-03-01T00:00:00Z,1\n2016-03-01T00:00:00Z,1'],
    ['LOAD_ROW_MALFORMED', 'stamp,A,B\n2016-03-01T00:00:00Z,1'],
    ['LOAD_VALUE_MALFORMED', 'stamp,A\n2016-03-01T00:00:00Z,-5'],
    ['LOAD_VALUE_MALFORMED', 'stamp,A\n2016-03-01T00:00:00Z,n/a'],
  ])('%s', (code, csv) => {
    expect(codeOf(csv)).toBe(code);
  });

  test('gaps, quarter-hour zones, exponents and Windows line ends are read', () => {
    const csv = '\uFEFFstamp,A,B\r\n2016-03-01T00:45:00+05:45,1.5e3,\r\n';
    const parsed = parseLoadFile(csv, { stamps: 'end' });
    // 00:45 at +05:45 is 19:00 UTC of the day before; the stamp ends its hour.
    const startMs = Date.UTC(2016, 1, 29, 18);
    const hours = [{ startMs, energyWh: [1_500n, null] }];
    expect(parsed).toEqual({ ok: true, value: { meters: ['A', 'B'], hours } });
  });

  test('a tariff that the independent calculation cannot do is refused, not half compared', () => {
    const input = { csv: longDayCsv, stamps: 'start', zone: 'UTC', registers: 'int64' } as const;
    const fixed = { kind: 'fixed', name: 'standing', amount: '5', per: 'month' };
    const tariff = { ...dayNightUsd, components: [...dayNightUsd.components, fixed] };
    expect(prepareReplay({ ...input, months: null, tariff })).toMatchObject({
      ok: false,
      code: 'REPLAY_TARIFF_UNSUPPORTED',
      message: expect.stringContaining('"standing"'),
    });
  });

  test('a month that the file does not have is refused before anything starts', () => {
    const input = { csv: longDayCsv, stamps: 'start', zone: 'UTC', registers: 'int64' } as const;
    const refused = prepareReplay({ ...input, months: ['2016-12'], tariff: dayNightUsd });
    expect(refused).toMatchObject({ ok: false, code: 'LOAD_MONTH_ABSENT' });
  });
});

test('the command says what is missing in one sentence and starts nothing', async () => {
  const script = fileURLToPath(new URL('../../scripts/replay.ts', import.meta.url));
  const ended = await new Promise<{ code: unknown; output: string }>((resolve) => {
    execFile(process.execPath, [script, 'no-such-file.csv'], (error, stdout, stderr) => {
      resolve({ code: error?.code, output: stdout + stderr });
    });
  });
  expect(ended.code).toBe(2);
  expect(ended.output).toContain('ARGUMENT_MISSING');
  expect(ended.output).not.toContain('starting Postgres');
});
