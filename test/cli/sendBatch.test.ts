import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readReadingsCsv } from '../../src/cli/readingsCsv.ts';
import { startHttpIntake } from '../../src/ingest/httpIntake.ts';
import type { HttpIntake } from '../../src/ingest/httpIntake.ts';
import { openIntakeGround, receiptKey } from '../ingest/intakeGround.ts';
import type { IntakeGround } from '../ingest/intakeGround.ts';
import { lineOf, runCli, temporaryFolder } from './runCli.ts';

const folder = temporaryFolder();
let ground: IntakeGround;
let http: HttpIntake;
let key = '';
let csv = '';

beforeAll(async () => {
  ground = await openIntakeGround('send_batch');
  const started = await startHttpIntake({
    intake: ground.intake(),
    key: receiptKey,
    tls: null,
    host: '127.0.0.1',
    port: 0,
    report: ({ code }) => ground.reports.push(code),
  });
  if (!started.ok) throw new Error(started.message);
  http = started.value;
  key = path.join(folder, 'edge.pem');
  const pem = ground.fleet.edge.privateKey.export({ format: 'pem', type: 'pkcs8' });
  writeFileSync(key, pem, { mode: 0o600 });
  csv = path.join(folder, 'readings.csv');
  const rows = ['M1', 'M2'].flatMap((serial) =>
    [0, 15, 30].map(
      (minute) => `${serial},1,2026-06-01T12:${minute || '00'}:00Z,${1_000 + minute}`,
    ),
  );
  writeFileSync(csv, ['serial,channel,readAt,value', ...rows, ''].join('\n'));
});
afterAll(async () => {
  await http.close();
  await ground.close();
});

function send(journal: string, more: readonly string[] = [], url = http.url) {
  const place = ['--url', url, '--key', key, '--edge', String(ground.fleet.edgeId), '--csv', csv];
  const file = ['--journal', path.join(folder, journal), '--database', ground.url, '--json'];
  return runCli(['batch', 'send', ...place, ...file, ...more]);
}

async function logged(epoch: number): Promise<readonly number[]> {
  const rows = await ground.database.sql<{ reading_count: number }[]>`
    select reading_count from batch_log where epoch = ${epoch} order by sequence`;
  return rows.map((row) => row.reading_count);
}

describe('ems-cli batch send', () => {
  test('signs the readings of a CSV in chained batches and prints their receipts', async () => {
    const sent = await send('one.json', ['--epoch', '31', '--readings', '4']);
    expect(sent.exitCode, sent.stderr + sent.stdout).toBe(0);
    expect(lineOf(sent)).toMatchObject({
      ok: true,
      receipts: [
        { sequence: '1', state: 'committed', contiguous: '1', missing: [] },
        { sequence: '2', state: 'committed', contiguous: '2', missing: [] },
      ],
      refused: [],
    });
    expect(await logged(31)).toEqual([4, 2]);
    const again = await send('one.json');
    expect(lineOf(again)).toMatchObject({ receipts: [{ sequence: '3', state: 'committed' }] });
    expect(await logged(31)).toEqual([4, 2, 6]);
  });

  test.each([
    [32, ['--json-twin']],
    [33, ['--compress', 'zstd']],
    [34, ['--json-twin', '--compress', 'gzip']],
  ])('epoch %i: other forms of the same batch are taken, too', async (epoch, form) => {
    const sent = await send(`form-${epoch}.json`, ['--epoch', String(epoch), ...form]);
    expect(sent.exitCode, sent.stdout).toBe(0);
    expect(await logged(epoch)).toEqual([6]);
  });

  test('a journal that was lost is no licence to use a number twice', async () => {
    await send('lost.json', ['--epoch', '35']);
    const other = await send('found.json', ['--epoch', '35', '--readings', '5']);
    expect(other.exitCode).toBe(1);
    expect(lineOf(other)).toMatchObject({ ok: false, code: 'BATCH_SEQUENCE_REUSED' });
    const kept: unknown = JSON.parse(readFileSync(path.join(folder, 'found.json'), 'utf8'));
    expect(kept).toMatchObject({
      pending: [],
      refused: [{ code: 'BATCH_SEQUENCE_REUSED' }, { code: 'BATCH_CHAIN_BROKEN' }],
    });
  });

  test('what is wrong with the call or the file is said before anything is written', async () => {
    const journal = 'never.json';
    expect((await send(journal, ['--compress', 'rar'])).exitCode).toBe(2);
    expect((await send(journal, [], 'mqtt://127.0.0.1')).exitCode).toBe(2);
    expect(existsSync(path.join(folder, journal))).toBe(false);
  });
});

describe('the CSV of readings', () => {
  test.each([
    ['meter,readAt,value\n7,2026-06-01T12:00:00Z,5', null],
    ['meter;value', 'CSV_HEADER_UNKNOWN'],
    ['meter,readAt,value\n', 'CSV_EMPTY'],
    ['meter,readAt,value\n7,2026-06-01T12:00:00,5', 'CSV_ROW_MALFORMED'],
    ['meter,readAt,value\n7,2026-06-01T12:00:00Z,5.5', 'CSV_ROW_MALFORMED'],
    ['meter,readAt,value\nM1,2026-06-01T12:00:00Z,5', 'CSV_ROW_MALFORMED'],
    ['serial,channel,readAt,value\nM1,99,2026-06-01T12:00:00Z,5', 'CSV_ROW_MALFORMED'],
  ])('%j', (text, code) => {
    const read = readReadingsCsv(text);
    expect(read.ok ? null : read.code).toBe(code);
  });
});
