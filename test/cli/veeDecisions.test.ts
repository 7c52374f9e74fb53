import { createHash } from 'node:crypto';
import { beforeAll, afterAll, expect, test } from 'vitest';
import { edgeKeys, openGround, startMs } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';
import { keyIdOf } from '../../src/db/fleet.ts';
import { lineOf, runCli } from './runCli.ts';

let ground: Ground;
const company = ['--company', 'North Grid', '--json'];

const judgedDay = {
  window: 'day',
  windowFrom: new Date(startMs).toISOString(),
  windowTo: new Date(startMs + 86_400_000).toISOString(),
};

beforeAll(async () => {
  ground = await openGround('cli_vee_decisions');
  const meterId = ground.fleet.meters.get('JB000001') ?? 0;
  await ground.writer.sql`
    insert into vee_decision (company_id, meter_id, channel, from_at, to_at, rule, outcome, message,
                              detail, digest, decided_at)
    values (${ground.fleet.companyId}, ${meterId}, 1, ${new Date(startMs)},
            ${new Date(startMs + 86_400_000)}, 'highLow', 'hold', 'made up',
            ${JSON.stringify(judgedDay)}::text::jsonb,
            ${createHash('sha256').update('x').digest()}, ${new Date(startMs)})`;
});
afterAll(() => ground.close());

function vee(...args: readonly string[]) {
  return runCli(['vee', ...args, ...company], { DATABASE_URL: ground.url });
}

test('decisions are listed and released on the command line, once', async () => {
  const listed = lineOf(await vee('decisions', '--outcome', 'hold'));
  expect(listed).toMatchObject({ decisions: [{ id: '1', rule: 'highLow', resolution: null }] });
  const release = ['release', '1', '--reason', 'seen on site'];
  expect(lineOf(await vee(...release))).toMatchObject({ kind: 'released', isReplay: false });
  expect(lineOf(await vee(...release))).toMatchObject({ kind: 'released', isReplay: true });
  expect(lineOf(await vee('decisions'))).toMatchObject({ decisions: [] });
  expect(lineOf(await vee('decisions', '--all'))).toMatchObject({
    decisions: [{ resolution: 'released', reason: 'seen on site' }],
  });
  const refused = await vee('confirm', '1', '--reason', 'no');
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout + refused.stderr).toContain('DECISION_RESOLVED');
});

test('a decision is listed with the time it is about, and the window that was judged', async () => {
  const { windowFrom: from, windowTo: until } = judgedDay;
  const listed = lineOf(await vee('decisions', '--all'));
  expect(listed).toMatchObject({
    decisions: [{ from, to: until, window: { kind: 'day', from, to: until } }],
  });
  const text = await runCli(['vee', 'decisions', '--all', '--company', 'North Grid'], {
    DATABASE_URL: ground.url,
  });
  const [short, shortUntil] = [from, until].map((each) => each.replace('.000Z', 'Z'));
  expect(text.stdout).toContain(`${short} to ${shortUntil} (day)  hold  made up`);
});

test('what matches is released together, by serial; withdrawn ones are hidden', async () => {
  const { companyId, meters } = ground.fleet;
  for (const [index, serial] of ['JB000002', 'JB000002', 'JB000003', 'JB000002'].entries()) {
    const fromMs = startMs + index * 86_400_000;
    // The first two are open holds of JB000002, the last was withdrawn.
    await ground.writer.sql`
      insert into vee_decision (company_id, meter_id, channel, from_at, to_at, rule, outcome,
                                message, detail, digest, decided_at, withdrawn_at)
      values (${companyId}, ${meters.get(serial) ?? 0}, 1, ${new Date(fromMs)},
              ${new Date(fromMs + 86_400_000)}, 'highLow', 'hold', 'made up', '{"window": "day"}',
              ${createHash('sha256').update(`y${index}`).digest()}, ${new Date(fromMs)},
              ${index === 3 ? new Date(fromMs) : null})`;
  }
  const of = ['--meter', 'JB000002'];
  expect(lineOf(await vee('decisions', ...of))).toMatchObject({
    decisions: [
      { id: '3', serial: 'JB000002' },
      { id: '2', serial: 'JB000002' },
    ],
  });
  expect(lineOf(await vee('decisions', ...of, '--all'))).toMatchObject({
    decisions: [{ id: '5' }, { id: '3' }, { id: '2' }],
  });
  expect((await vee('release', '--reason', 'neither')).exitCode).toBe(2);
  expect((await vee('release', '2', ...of, '--reason', 'both')).exitCode).toBe(2);
  const unknown = await vee('release', '--meter', 'JB999999', '--reason', 'x');
  expect(unknown.stdout + unknown.stderr).toContain('METER_NOT_FOUND');
  // Confirmed ones have their word; they are released one by one.
  expect((await vee('confirm', '2', '--reason', 'too fast')).exitCode).toBe(0);
  expect(
    lineOf(await vee('release', '--rule', 'highLow', ...of, '--reason', 'seen')),
  ).toMatchObject({ released: [{ id: '3', serial: 'JB000002', rule: 'highLow' }], isMore: false });
  expect(lineOf(await vee('release', '2', '--reason', 'seen'))).toMatchObject({ kind: 'released' });
  expect(lineOf(await vee('decisions'))).toMatchObject({ decisions: [{ id: '4' }] });
});

test('a key of the company is listed and revoked', async () => {
  const env = { DATABASE_URL: ground.url };
  const key = (...args: readonly string[]) => runCli(['key', ...args, ...company], env);
  const publicKey = edgeKeys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const keyId = Buffer.from(keyIdOf(publicKey)).toString('hex');
  expect(lineOf(await key('list'))).toMatchObject({
    keys: [{ keyId, edge: 'head-end', kind: 'gateway', revokedAt: null }],
  });
  expect(lineOf(await key('revoke', keyId, '--reason', 'stolen'))).toMatchObject({ keyId });
  const again = await key('revoke', keyId, '--reason', 'stolen');
  expect(again.exitCode).toBe(1);
  expect(again.stdout + again.stderr).toContain('EDGE_KEY_REVOKED');
});

test('a rule that there is not is refused before the database is asked', async () => {
  const refused = await vee('decisions', '--rule', 'highlow');
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr + refused.stdout).toContain('--rule is one of');
});
