import { createHash, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertEdgeKeys } from '../../src/db/fleet.ts';
import { BatchMaker, testEdge } from '../support/build/edge.ts';
import { openOfficeGround, noon, quarter } from '../operations/officeGround.ts';
import type { OfficeGround } from '../operations/officeGround.ts';
import { callCli, lineOf, runCli, temporaryFolder } from './runCli.ts';

let here: OfficeGround;
const folder = temporaryFolder();
const keyFile = path.join(folder, 'office.pem');
const at = (ms: number): string => new Date(ms).toISOString();

beforeAll(async () => {
  here = await openOfficeGround('cli_readings');
  const pem = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
  writeFileSync(keyFile, pem, { mode: 0o600 });
  const [meterId] = here.meterIds;
  await here.commit([
    here.makers[0].readings([
      { meterId, atMs: noon, wh: 1_000 },
      { meterId, atMs: noon + quarter, wh: 1_100 },
    ]),
    new BatchMaker(here.edges[1], { edgeId: here.fleet.edges.get('edge 1')?.edgeId ?? 0 }).readings(
      [{ meterId, atMs: noon, wh: 7 }],
    ),
  ]);
  await here.rateAll();
});
afterAll(() => here.close());

function cli(...args: string[]) {
  const env = { DATABASE_URL: here.url, JOULEBOOK_OFFICE_KEY: keyFile };
  return callCli([...args, '--json'], env);
}

const company = ['--company', 'Grid'];

describe('readings by hand at the command line', () => {
  test('a round is entered once, however often the file is', async () => {
    const file = path.join(folder, 'round.csv');
    const rows = [`M1,1,${at(noon + 2 * quarter)},1250`, `M3,1,${at(noon)},77`];
    writeFileSync(file, ['meter,channel,readAt,value', ...rows, ''].join('\n'));
    const entered = ['reading', 'record', file, ...company, '--reason', 'round'];
    expect(lineOf(await cli(...entered))).toMatchObject({ ok: true, readings: 2, isReplay: false });
    expect(lineOf(await cli(...entered))).toMatchObject({ ok: true, isReplay: true });
    writeFileSync(file, `meter,channel,readAt,value\nM1,1,2026-06-01,1\n`);
    const broken = await cli(...entered);
    expect(broken.exitCode).toBe(1);
    expect(lineOf(broken)).toMatchObject({ code: 'CSV_LINE_MALFORMED' });
  });

  test('an edit, a stale one, and the trace of both', async () => {
    const about = [...company, '--meter', 'M1', '--at', at(noon + quarter)];
    const edit = ['reading', 'edit', ...about, '--supersedes', '0', '--reason', 'photo'];
    expect(lineOf(await cli(...edit, '--value', '1150'))).toMatchObject({ ok: true, revision: 1 });
    expect(lineOf(await cli(...edit, '--void'))).toMatchObject({ code: 'READING_REVISION_STALE' });
    await here.rateAll();
    expect(lineOf(await cli('reading', 'trace', ...about))).toMatchObject({
      ok: true,
      versions: [
        { value: '1150', isWinner: true, isInSeries: true, office: { reason: 'photo' } },
        { value: '1100', isWinner: false, batch: { edge: 'edge 1', row: 1 } },
      ],
    });
  });

  test('a reading that was taken back is traced as void, not as zero', async () => {
    const about = [...company, '--meter', 'M1', '--at', at(noon + quarter)];
    const edit = ['reading', 'edit', ...about, '--supersedes', '1', '--reason', 'wrong meter'];
    expect(lineOf(await cli(...edit, '--void'))).toMatchObject({ ok: true, revision: 2 });
    const told = await callCli(['reading', 'trace', ...about], { DATABASE_URL: here.url });
    const [first, second] = told.stdout.split('\n');
    expect(first).toMatch(/^void \(revision 2\)/);
    expect(second).toMatch(/^1150 \(revision 1\)/);
  });

  test('without the key of the offices nothing is entered', async () => {
    const run = await callCli(['reading', 'retry', ...company, '--json'], {
      DATABASE_URL: here.url,
    });
    expect(lineOf(run)).toMatchObject({ ok: false, code: 'OFFICE_UNAVAILABLE' });
    expect(lineOf(await cli('reading', 'retry', ...company))).toMatchObject({ ok: true, rows: 0 });
  });
});

test('a reading that ranks below an edit is told to have no effect', async () => {
  const file = path.join(folder, 'below.csv');
  // The reading of 12:15 has revision 2 since the edits above.
  const instants = [noon + quarter, noon + 3 * quarter].map(at);
  writeFileSync(
    file,
    ['meter,channel,readAt,value', ...instants.map((each) => `M1,1,${each},1300`), ''].join('\n'),
  );
  const record = ['reading', 'record', file, ...company, '--reason', 'a second round'];
  const text = { DATABASE_URL: here.url, JOULEBOOK_OFFICE_KEY: keyFile };
  const told = await callCli(record, text);
  expect(told.stdout).toContain(
    ` 1 of them do not count, because an edit ranks above them: the first is of meter ` +
      `${here.meterIds[0]}, channel 1, 2026-06-01T12:15:00Z, where revision 2 stands.`,
  );
  const outranked = { channel: 1, atMs: noon + quarter, revision: 2 };
  expect(lineOf(await cli(...record))).toMatchObject({
    isReplay: true,
    outrankedCount: 1,
    firstOutranked: outranked,
  });
});

test('rows that are held back are left out for good', async () => {
  const before = at(noon + 10 * quarter);
  await here.commit([here.makers[1].readings([{ meterId: 99_999, atMs: noon, wh: 3 }])]);
  await here.rateAll();
  const dismiss = ['reading', 'dismiss', ...company, '--reason', 'a test bench'];
  expect(lineOf(await cli(...dismiss))).toMatchObject({ ok: false, code: 'HELD_BACK_TOO_WIDE' });
  const these = [...dismiss, '--number', '99999', '--to', before];
  const list = ['reading', 'exceptions', ...company, '--number', '99999'];
  const row = { meterId: 99_999, value: '3', code: 'METER_UNKNOWN', dismissedReason: null };
  expect(lineOf(await cli(...list, '--waiting'))).toMatchObject({ ok: true, exceptions: [row] });
  expect(lineOf(await cli(...these))).toMatchObject({ ok: true, rows: 1, isMore: false });
  expect(lineOf(await cli(...list, '--waiting'))).toMatchObject({ exceptions: [] });
  const dismissed = { ...row, dismissedReason: 'a test bench' };
  expect(lineOf(await cli(...list))).toMatchObject({ exceptions: [dismissed] });
  expect(lineOf(await cli('reading', 'exceptions', ...company, '--meter', 'M1'))).toMatchObject({
    exceptions: [],
  });
  expect(lineOf(await cli(...these))).toMatchObject({ ok: false, code: 'HELD_BACK_NOT_FOUND' });
});

test('004.25: quarantine is listed, looked into, replayed and corrected', async () => {
  const list = lineOf(await cli('quarantine', 'list', ...company));
  expect(list).toMatchObject({ batches: [{ code: 'BATCH_EDGE_FOREIGN', resolution: null }] });
  const stranger = new BatchMaker(testEdge(), { edgeId: 1 });
  expect(await here.commit([stranger.sign([])])).toEqual(['BATCH_KEY_UNKNOWN']);
  expect(lineOf(await cli('quarantine', 'list', '--unknown'))).toMatchObject({
    batches: [{ code: 'BATCH_KEY_UNKNOWN', companyId: null }],
  });
  // Each of them is asked for by its owner: a company, or nobody that is known.
  for (const unowned of [['list'], ['show', 'x'], ['list', ...company, '--unknown']]) {
    await expect(cli('quarantine', ...unowned)).rejects.toThrow(
      'give --company NAME, or --unknown',
    );
  }
  const id = /[0-9a-f]{64}\.BATCH_EDGE_FOREIGN/.exec(JSON.stringify(list))?.[0] ?? '';
  expect(lineOf(await cli('quarantine', 'show', id, '--unknown'))).toMatchObject({
    code: 'QUARANTINE_NOT_FOUND',
  });
  expect(lineOf(await cli('quarantine', 'show', id, ...company))).toMatchObject({
    content: { batch: { blocks: [{ readings: [{ value: '7' }] }] } },
  });
  const why = [...company, '--reason', 'looked into'];
  expect(lineOf(await cli('quarantine', 'replay', id, ...why))).toMatchObject({
    code: 'QUARANTINE_STILL_REFUSED',
  });
  const file = path.join(folder, 'corrected.csv');
  writeFileSync(file, `meter,channel,readAt,value\nM2,1,${at(noon)},7\n`);
  expect(lineOf(await cli('quarantine', 'correct', id, file, ...why))).toMatchObject({
    ok: true,
    readings: 1,
  });
  // The same again tells what was done before; other words about it change nothing, either.
  const text = { DATABASE_URL: here.url, JOULEBOOK_OFFICE_KEY: keyFile };
  const again = await callCli(['quarantine', 'correct', id, file, ...why], text);
  const [batch] = await here.writer.sql<{ epoch: number; sequence: bigint }[]>`
    select epoch, sequence from office_batch where kind = 'correction'`;
  const by = `by the office's batch epoch ${batch.epoch}, sequence ${batch.sequence}`;
  expect(again.stdout).toBe(`${id} was corrected before, ${by}; nothing is new.\n`);
  const anew = [...company, '--reason', 'once more'];
  expect(lineOf(await cli('quarantine', 'correct', id, file, ...anew))).toMatchObject({
    code: 'QUARANTINE_RESOLVED',
    message: expect.stringContaining(
      `This batch was corrected already, ${by}. Nothing was changed.`,
    ),
  });
  expect(lineOf(await cli('quarantine', 'dismiss', id, ...why))).toMatchObject({
    code: 'QUARANTINE_RESOLVED',
  });
  const left = lineOf(await cli('quarantine', 'list', ...company, '--edge', 'edge 2'));
  expect(left).toMatchObject({ batches: [] });
});

test('who may decide about a batch of a sender unknown then may look inside', async () => {
  const gateway = testEdge();
  const edgeId = here.fleet.edges.get('edge 1')?.edgeId ?? 0;
  const [meterId] = here.meterIds;
  const stranger = new BatchMaker(gateway, { edgeId, epoch: 9 });
  const batch = stranger.readings([{ meterId, atMs: noon, wh: 12 }]);
  await here.commit([batch]);
  const id = `${createHash('sha256').update(batch).digest('hex')}.BATCH_KEY_UNKNOWN`;
  const show = ['quarantine', 'show', id, ...company];
  expect(lineOf(await cli(...show))).toMatchObject({ code: 'QUARANTINE_NOT_FOUND' });
  const registered = [{ edgeId, publicKey: gateway.publicKey }];
  await insertEdgeKeys(here.writer.sql, here.fleet.companyId, registered);
  expect(lineOf(await cli(...show))).toMatchObject({
    content: { batch: { blocks: [{ readings: [{ value: '12' }] }] } },
  });
  expect(
    lineOf(await cli('quarantine', 'dismiss', id, ...company, '--reason', 'a test')),
  ).toMatchObject({ ok: true });
});

describe('000.53: reconcile and log verify', () => {
  const window = ['--from', at(noon - quarter), '--to', at(noon + 4 * quarter)];

  test('what is right ends with 0', async () => {
    await here.rateAll();
    const counted = await cli('reconcile', ...company, ...window);
    expect(lineOf(counted)).toMatchObject({ ok: true, unexplained: 0 });
    expect(counted.exitCode).toBe(0);
    const verified = await cli('log', 'verify');
    expect(lineOf(verified)).toMatchObject({ ok: true, findingCount: 0, batches: 8 });
    expect(lineOf(await cli('log', 'retention', '--days', '30'))).toMatchObject({ dropped: [] });
  });

  test('planted: a changed byte of the log ends both with 1 and is named', async () => {
    const owner = postgres(here.url, { max: 1, onnotice: () => {} });
    await owner.begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`update batch_log set carried = set_byte(carried, 90, get_byte(carried, 90) # 1)
                where shard = 0 and position = 1`;
      await sql`update charge set energy_wh = energy_wh + 1`;
    });
    await owner.end();
    const verified = await runCli(['log', 'verify', '--json'], { DATABASE_URL: here.url });
    expect(verified.exitCode).toBe(1);
    expect(lineOf(verified)).toMatchObject({
      code: 'LOG_BROKEN',
      findings: expect.arrayContaining([
        expect.objectContaining({ code: 'SIGNATURE_BROKEN', shard: 0, position: '1' }),
      ]),
    });
    const counted = await cli('reconcile', ...company, ...window);
    expect(counted.exitCode).toBe(1);
    expect(lineOf(counted)).toMatchObject({ code: 'RECONCILIATION_DIFFERS', isNewAlarm: true });
  });
});

test('a reading that fell back is not said to count', async () => {
  const fallen = noon + 4 * quarter;
  await here.commit([
    here.makers[0].readings([{ meterId: here.meterIds[0], atMs: fallen, wh: 3 }]),
  ]);
  await here.rateAll();
  const about = [...company, '--meter', 'M1', '--at', at(fallen)];
  const told = await callCli(['reading', 'trace', ...about], { DATABASE_URL: here.url });
  expect(told.stdout).toMatch(/^3 \(revision 0\) wins, and counts nowhere REGISTER_/);
});
