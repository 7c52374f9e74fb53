import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseUrlIn } from '../../src/cli/database.ts';
import { runBadInput } from '../../scripts/badInput/run.ts';
import type { BadInputReport } from '../../scripts/badInput/run.ts';
import { openFolder, startJson } from './joulebook.ts';
import type { Ready, Running } from './joulebook.ts';

/** What `npm run bad-input` shows, against a start as a newcomer's. */
let folder: string;
let running: Running;
let ready: Ready;
let report: BadInputReport;

beforeAll(async () => {
  folder = openFolder();
  const data = join(folder, 'data');
  const env = { TMPDIR: folder, JOULEBOOK_INTAKE_PORT: '0' };
  ({ running, ready } = await startJson(['--data', data, '--meters', '1'], env));
  const databaseUrl = databaseUrlIn(data);
  report = await runBadInput({ url: ready.intake, databaseUrl, onCase: () => {} });
});
afterAll(async () => {
  running?.child.kill('SIGTERM');
  await running?.ended;
  await rm(folder, { recursive: true, force: true });
});

test('each bad input gets its code and one audit row, touches nothing, harms no other', () => {
  expect(report.cases.filter(({ problems }) => problems.length > 0)).toEqual([]);
  expect(report.cases.map(({ code }) => code)).toEqual(
    report.cases.map(({ expected }) => expected),
  );
  expect(report.cases.length).toBeGreaterThanOrEqual(24);
});

test('the good readings beside them are billed to the micro', () => {
  // Each good batch after the first is 100 Wh at 0.30 a kWh: 0.03.
  expect(report.chargedMicros).toBe(BigInt(report.goodBatches - 1) * 30_000n);
});

test('corruption is answered with EMS.E12 (000.39)', () => {
  const corrupt = report.cases.filter(({ emsCode }) => emsCode === 'EMS.E12');
  expect(corrupt.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['noise', 'one bit changed on the way', 'a gzip bomb of 64 MB']),
  );
});
