import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readLoad } from '../../src/cli/circumstances.ts';
import { parseEnteredCsv } from '../../src/cli/enteredCsv.ts';
import { importPrices } from '../../src/cli/priceImport.ts';
import { readReadingsCsv } from '../../src/cli/readingsCsv.ts';
import { wholeNumber } from '../../src/cli/wholeNumber.ts';
import { wholeOf, wholeWithin } from '../../src/domain/wholeText.ts';
import { projectFiles } from '../architecture/projectFiles.ts';
import { callCli } from './runCli.ts';

/** What JavaScript's own Number reads as 100,000, 31, 1, 1 and 0, and nobody means. */
const slips = ['1e5', '0x1f', '+1', '1.0', '', ' 1', '1_000', '-1', '١'];

describe('a whole number is decimal digits alone', () => {
  test('of up to 18 digits', () => {
    expect(slips.map(wholeOf)).toEqual(slips.map(() => null));
    expect(wholeOf('007')).toBe(7n);
    expect(wholeOf('999999999999999999')).toBe(999_999_999_999_999_999n);
    expect(wholeOf('1000000000000000000')).toBeNull();
    // 2^53 - 1 is the last that a number counts exactly.
    expect(wholeWithin('9007199254740991', {})).toBe(9_007_199_254_740_991);
    expect(wholeWithin('9007199254740992', {})).toBeNull();
    expect(['0', '1', '9', '10'].map((text) => wholeWithin(text, { min: 1, max: 9 }))).toEqual([
      null,
      1,
      9,
      null,
    ]);
  });

  test('and a misuse that names the option and its bounds', () => {
    expect(wholeNumber('12', '--days')).toBe(12);
    expect(() => wholeNumber('1e5', '--readings', { min: 1, max: 16_384 })).toThrow(
      '--readings is a whole number from 1 to 16384 in digits, not "1e5"',
    );
  });
});

const send = ['batch', 'send', '--url', 'http://127.0.0.1:1', '--key', 'k', '--csv', 'c'];
const edge = ['--edge', '1'];
const company = ['--company', 'Grid', '--reason', 'r'];
const edit = ['reading', 'edit', ...company, '--meter', 'M1', '--at', '2026-03-01T00:00:00Z'];
const months = ['--from', '2026-01', '--through', '2026-01'];
const lab = ['tariff', 'lab', '--company', 'Grid', '--document', 'd', ...months];
const exchange = ['meter', 'exchange', 'M1', ...company, '--at', '2026-03-01T00:00:00Z'];

describe('every option and column that is a whole number', () => {
  test.each([
    ['--readings', [...send, ...edge, '--readings']],
    ['--epoch', [...send, ...edge, '--epoch']],
    ['--wait', [...send, ...edge, '--wait']],
    ['--edge', [...send, '--edge']],
    ['--value', [...edit, '--supersedes', '0', '--value']],
    ['--supersedes', [...edit, '--void', '--supersedes']],
    ['--channel', [...edit, '--void', '--supersedes', '0', '--channel']],
    ['--number', ['reading', 'dismiss', ...company, '--number']],
    ['--number', ['reading', 'exceptions', '--company', 'Grid', '--number']],
    ['--days', ['log', 'retention', '--days']],
    ['no register value', [...exchange, '--serial', 'M2', '--final']],
    ['--power', [...exchange, '--serial', 'M2', '--power']],
    ['--agreements', [...lab, '--agreements']],
    ['--hours', ['token', 'make', '--key', 'k', '--role', 'operator', '--company', 'G', '--hours']],
  ])('%s', async (named, args) => {
    const env = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
    await expect(callCli([...args, '1e5'], env)).rejects.toThrow(named);
    await expect(callCli([...args, '1e5'], env)).rejects.toThrow('1e5');
  });

  test('--interval, --sequence', () => {
    expect(() => readLoad('none', '1e1')).toThrow('--interval');
    const price = { name: 'n', currency: 'EUR', unit: 'kWh', sequence: '1e0' } as const;
    expect(() => importPrices('', 'entsoe', { ...price, minutes: undefined })).toThrow(
      '--sequence',
    );
  });

  test('columns of a CSV', () => {
    const round = 'meter,channel,readAt,value\nM1,1e0,2026-03-01T00:00:00Z,1';
    expect(parseEnteredCsv(round)).toMatchObject({ ok: false, code: 'CSV_LINE_MALFORMED' });
    const sent = 'meter,channel,readAt,value\n1,1e0,2026-03-01T00:00:00Z,1';
    expect(readReadingsCsv(sent)).toMatchObject({ ok: false, code: 'CSV_ROW_MALFORMED' });
  });
});

/** Where a text becomes a number by itself: only in the one parser. */
function readsNumbers(source: string): boolean {
  const texts = 'text|values|options|raw|left|right';
  return new RegExp(`\\.map\\(Number\\)|\\bNumber\\((${texts})\\b|parseInt|parseFloat`).test(
    source,
  );
}

test('no other parser of whole numbers is in the command line or the scripts', () => {
  const files = projectFiles().filter((file) => /^(src\/cli|scripts)\/.*\.ts$/.test(file));
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => readsNumbers(readFileSync(file, 'utf8')))).toEqual([]);
  expect(readsNumbers('const days = Number(text);')).toBe(true);
});
