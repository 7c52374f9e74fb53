import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database } from '../../src/db/connect.ts';
import { buildFleet } from '../support/build/fleet.ts';
import { freshDatabase } from '../support/postgres.ts';
import { lineOf, runCli } from './runCli.ts';

let url: string;
let writer: Database;
beforeAll(async () => {
  ({ url } = await freshDatabase('climeters'));
  writer = await connect(url, { role: 'joulebook_writer', connectionsMax: 2, name: 'test' });
  await buildFleet(writer.sql, { meters: 2 });
});
afterAll(() => writer.close());

const run = (...args: readonly string[]) =>
  runCli(['meter', ...args, '--company', 'Test Grid', '--json'], { DATABASE_URL: url });

describe('meter', () => {
  const factor = ['mark', 'M1', '--at', '2026-03-01T00:00:00Z', '--kind', 'factor'];
  const said = [...factor, '--factor', '200/5', '--reason', 'the plate says so'];

  test('a mark is recorded once, listed, and withdrawn', async () => {
    const first = await run(...said);
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(lineOf(first)).toMatchObject({ ok: true, isNew: true, affectedPeriods: [] });
    expect(lineOf(await run(...said))).toMatchObject({ ok: true, isNew: false });
    const taken = ['mark', 'M1', '--at', '2026-03-01T00:00:00Z', '--kind', 'withdrawn'];
    expect(lineOf(await run(...taken, '--reason', 'the wrong meter'))).toMatchObject({
      ok: true,
      isNew: true,
    });
    expect(lineOf(await run(...said))).toMatchObject({ ok: true, isNew: true });
    expect(lineOf(await run('marks', 'M1'))).toMatchObject({
      ok: true,
      marks: [
        { kind: 'factor', factor: '40', channel: null, isInForce: false, by: 'cli:operator' },
        { kind: 'withdrawn', isInForce: false },
        { kind: 'factor', factor: '40', isInForce: true },
      ],
    });
  });

  test('a meter is exchanged once', async () => {
    const at = '2026-03-14T11:40:00+01:00';
    const values = ['--final', '45231400', '--start', '12000', '--start', '2=0'];
    const given = ['M2', '--serial', 'M2-b', '--at', at, ...values];
    const exchange = ['exchange', ...given, '--reason', 'worn out'];
    const first = lineOf(await run(...exchange));
    expect(first).toMatchObject({ ok: true, isReplay: false, affectedPeriods: [] });
    expect(lineOf(await run(...exchange))).toMatchObject({ ok: true, isReplay: true });
    expect(lineOf(await run('marks', 'M2-b'))).toMatchObject({
      marks: [
        { kind: 'installed', channel: null, startValue: null, at: '2026-03-14T10:40:00Z' },
        { kind: 'installed', channel: 1, startValue: '12000' },
        { kind: 'installed', channel: 2, startValue: '0' },
      ],
    });
    const again = await run(...exchange.slice(0, -1), 'once more');
    expect(again.exitCode).toBe(1);
    expect(lineOf(again)).toMatchObject({ ok: false, code: 'METER_REMOVED' });
  });

  test('what nobody can mean is refused', async () => {
    expect(lineOf(await run('events', 'M1'))).toMatchObject({ ok: true, events: [] });
    const unknown = await run('marks', 'M9');
    expect(unknown.exitCode).toBe(1);
    expect(lineOf(unknown)).toMatchObject({ ok: false, code: 'METER_NOT_FOUND' });
    const misused = await run(...said.slice(0, 5), 'melted', '--reason', 'x');
    expect(misused.exitCode).toBe(2);
    const local = await run('mark', 'M1', '--at', '2026-03-01T00:00:00', ...said.slice(4));
    expect(local.exitCode).toBe(2);
  });
});
