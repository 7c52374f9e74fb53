import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readReadingsCsv } from '../../src/cli/readingsCsv.ts';
import { startHttpIntake } from '../../src/ingest/httpIntake.ts';
import type { HttpIntake } from '../../src/ingest/httpIntake.ts';
import { openIntakeGround, receiptKey } from '../ingest/intakeGround.ts';
import type { IntakeGround } from '../ingest/intakeGround.ts';
import { buildFleet } from '../support/build/fleet.ts';
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
  key = keyFileOf('edge.pem', ground.fleet.edge.privateKey);
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

function send(journal: string, more: readonly string[] = [], url = http.url, file = csv) {
  const edge = String(ground.fleet.edgeId);
  const place = ['--url', url, '--key', key, '--edge', edge, '--csv', file];
  const rest = ['--journal', path.join(folder, journal), '--database', ground.url, '--json'];
  return runCli(['batch', 'send', ...place, ...rest, ...more]);
}

function keyFileOf(name: string, privateKey: KeyObject): string {
  const file = path.join(folder, name);
  writeFileSync(file, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  return file;
}

/** One reading more, of another day than the file of all. */
function otherCsv(name: string, value: number): string {
  const file = path.join(folder, name);
  writeFileSync(file, `serial,readAt,value\nM1,2026-06-02T12:00:00Z,${value}\n`);
  return file;
}

async function listening(server: Server): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

/** Where nobody listens: the port of a server that is gone. */
async function closedPort(): Promise<string> {
  const server = createServer();
  const url = await listening(server);
  server.close();
  await once(server, 'close');
  return url;
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
    expect(sent.stderr).toBe('');
    const again = await send('one.json');
    expect(again.exitCode).toBe(0);
    expect(lineOf(again)).toMatchObject({ isKnown: true, batches: 0, receipts: [] });
    expect(await logged(31)).toEqual([4, 2]);
    const other = await send('one.json', [], http.url, otherCsv('other.csv', 2_000));
    expect(lineOf(other)).toMatchObject({
      isKnown: false,
      receipts: [{ sequence: '3', state: 'committed' }],
    });
    expect(await logged(31)).toEqual([4, 2, 1]);
  });

  test('what was left over is sent first, and then the file, each once', async () => {
    const away = await closedPort();
    const early = await send('left.json', ['--epoch', '36', '--wait', '1'], away);
    expect(early.exitCode).toBe(1);
    expect(lineOf(early)).toMatchObject({ ok: false, code: 'INTAKE_UNREACHABLE', batches: 1 });
    expect(early.stdout).toContain('ECONNREFUSED');
    expect(early.stderr).toMatch(/^INTAKE_UNREACHABLE: .*trying again/);
    const kept: unknown = JSON.parse(readFileSync(path.join(folder, 'left.json'), 'utf8'));
    expect(kept).toMatchObject({ pending: [{ sequence: 1 }], nextSequence: 2 });
    const file = otherCsv('later.csv', 3_000);
    const both = await send('left.json', [], http.url, file);
    expect(lineOf(both)).toMatchObject({
      csv: file,
      leftOver: 1,
      batches: 1,
      isKnown: false,
      receipts: [{ sequence: '1' }, { sequence: '2', contiguous: '2' }],
    });
    expect(await logged(36)).toEqual([6, 1]);
  });

  test('the same command after a crash sends what is left and makes nothing anew', async () => {
    const away = await closedPort();
    await send('same.json', ['--epoch', '37', '--wait', '1'], away);
    const again = await send('same.json');
    expect(lineOf(again)).toMatchObject({ leftOver: 1, isKnown: true, receipts: [{}] });
    expect(await logged(37)).toEqual([6]);
  });

  test('an address that is no intake refuses no batch', async () => {
    const wrong = createServer((_request, response) => {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"code":"PATH_UNKNOWN"}');
    });
    const url = await listening(wrong);
    const sent = await send('wrong.json', ['--epoch', '38', '--wait', '1'], url);
    wrong.close();
    expect(lineOf(sent)).toMatchObject({ code: 'INTAKE_UNREACHABLE' });
    const kept: unknown = JSON.parse(readFileSync(path.join(folder, 'wrong.json'), 'utf8'));
    expect(kept).toMatchObject({ pending: [{ sequence: 1 }], refused: [] });
  });

  test('a second sender on one journal is refused; the first goes on', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const slow = createServer((_request, response) => {
      asked.resolve();
      const problem = JSON.stringify({ code: 'BATCH_MALFORMED', detail: 'planted' });
      answer.promise.then(() => response.writeHead(422).end(problem), asked.reject);
    });
    const url = await listening(slow);
    const first = send('shared.json', ['--epoch', '39'], url);
    await asked.promise;
    const second = await send('shared.json', ['--epoch', '39']);
    answer.resolve();
    expect(second.exitCode).toBe(1);
    expect(lineOf(second)).toMatchObject({ ok: false, code: 'JOURNAL_IN_USE' });
    expect(lineOf(await first)).toMatchObject({ code: 'BATCH_MALFORMED' });
    slow.close();
    const third = await send('shared.json');
    expect(lineOf(third)).toMatchObject({ ok: true, isKnown: true, receipts: [{}] });
    expect(await logged(39)).toEqual([6]);
  });

  test('what an unknown key signed is in once the right key sends it again', async () => {
    const stranger = keyFileOf('stranger.pem', generateKeyPairSync('ed25519').privateKey);
    const terms = ['--epoch', '40', '--readings', '4', '--key', stranger];
    const first = await send('stranger.json', terms);
    expect(first.exitCode).toBe(1);
    const refused = [{ sequence: 1, code: 'BATCH_KEY_UNKNOWN' }];
    const expected = { ok: false, code: 'BATCH_KEY_UNKNOWN', receipts: [], refused, waiting: 2 };
    expect(lineOf(first)).toMatchObject(expected);
    expect(lineOf(first)).toMatchObject({
      message: expect.stringContaining('the same command sends them again'),
    });
    const second = await send('stranger.json', terms);
    expect(second.exitCode).toBe(1);
    expect(lineOf(second)).toMatchObject({ ...expected, isKnown: true, leftOver: 2 });
    const third = await send('stranger.json');
    expect(third.exitCode, third.stdout).toBe(0);
    const receipts = [{ sequence: '1' }, { sequence: '2', contiguous: '2' }];
    expect(lineOf(third)).toMatchObject({ isKnown: true, receipts });
    expect(await logged(40)).toEqual([4, 2]);
  });

  test("what another edge's key signed is in once the edge's own key sends it", async () => {
    const other = await buildFleet(ground.database.sql, { company: 'Other', meters: 1 });
    const foreign = keyFileOf('foreign.pem', other.edge.privateKey);
    const first = await send('foreign.json', ['--epoch', '41', '--key', foreign]);
    expect(lineOf(first)).toMatchObject({ ok: false, code: 'BATCH_EDGE_FOREIGN', waiting: 1 });
    const second = await send('foreign.json');
    expect(lineOf(second)).toMatchObject({ ok: true, receipts: [{ contiguous: '1' }] });
  });

  test('a batch that was refused is not counted as sent', async () => {
    const stranger = keyFileOf('teller.pem', generateKeyPairSync('ed25519').privateKey);
    const place = ['--url', http.url, '--key', stranger, '--edge', String(ground.fleet.edgeId)];
    const journal = path.join(folder, 'teller.json');
    const rest = ['--csv', csv, '--journal', journal, '--database', ground.url];
    const sent = await runCli(['batch', 'send', ...place, ...rest, '--epoch', '42']);
    expect(sent.exitCode).toBe(1);
    expect(sent.stderr).toContain('0 of 1 batches taken, 1 waiting.');
  });

  test('a journal that cannot be written is said', async () => {
    const sent = await send('no-such-folder/journal.json');
    expect(lineOf(sent)).toMatchObject({ ok: false, code: 'JOURNAL_UNWRITABLE' });
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
    const same = await send('found.json', ['--readings', '5']);
    expect(same.exitCode).toBe(1);
    expect(lineOf(same)).toMatchObject({ isKnown: true, code: 'BATCH_SEQUENCE_REUSED' });
    const anew = await send('found.json', ['--epoch', '135', '--readings', '5']);
    expect(lineOf(anew)).toMatchObject({ ok: true, leftOver: 0, receipts: [{}, {}] });
    expect(await logged(135)).toEqual([5, 1]);
    const after = await send('found.json');
    expect(lineOf(after)).toMatchObject({ ok: true, leftOver: 0, receipts: [] });
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
    // The wire holds instants of 2000 to 2099, values below 2^50 = 1125899906842624, ids of int4.
    ['meter,readAt,value\n7,1999-12-31T23:59:59Z,5', 'CSV_ROW_MALFORMED'],
    ['meter,readAt,value\n7,2000-01-01T00:00:00Z,5', null],
    ['meter,readAt,value\n7,2100-01-01T00:00:00Z,5', 'CSV_ROW_MALFORMED'],
    ['meter,readAt,value\n7,2099-12-31T23:59:59Z,1125899906842623', null],
    ['meter,readAt,value\n7,2026-06-01T12:00:00Z,1125899906842624', 'CSV_ROW_MALFORMED'],
    ['meter,readAt,value\n7,2026-06-01T12:00:00Z,-1125899906842624', 'CSV_ROW_MALFORMED'],
    ['meter,readAt,value\n2147483648,2026-06-01T12:00:00Z,5', 'CSV_ROW_MALFORMED'],
    ['meter,readAt,value\nM1,2026-06-01T12:00:00Z,5', 'CSV_ROW_MALFORMED'],
    ['serial,channel,readAt,value\nM1,99,2026-06-01T12:00:00Z,5', 'CSV_ROW_MALFORMED'],
  ])('%j', (text, code) => {
    const read = readReadingsCsv(text);
    expect(read.ok ? null : read.code).toBe(code);
  });

  test('a row that is wrong is named by its line', () => {
    const read = readReadingsCsv(
      'meter,readAt,value\n7,2026-06-01T12:00:00Z,5\n7,1970-01-01T00:00:00Z,6\n',
    );
    expect(read).toMatchObject({ ok: false, message: expect.stringMatching(/^Line 3: /) });
  });
});
