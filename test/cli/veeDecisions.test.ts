import { createHash } from 'node:crypto';
import { beforeAll, afterAll, expect, test } from 'vitest';
import { openGround, startMs } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';
import { lineOf, runCli } from './runCli.ts';

let ground: Ground;
const company = ['--company', 'North Grid', '--json'];

beforeAll(async () => {
  ground = await openGround('cli_vee_decisions');
  const meterId = ground.fleet.meters.get('JB000001') ?? 0;
  await ground.writer.sql`
    insert into vee_decision (company_id, meter_id, channel, from_at, to_at, rule, outcome, message,
                              detail, digest, decided_at)
    values (${ground.fleet.companyId}, ${meterId}, 1, ${new Date(startMs)},
            ${new Date(startMs + 86_400_000)}, 'highLow', 'hold', 'made up', '{"window": "day"}',
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
}, 60_000);

test('a rule that there is not is refused before the database is asked', async () => {
  const refused = await vee('decisions', '--rule', 'highlow');
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr + refused.stdout).toContain('--rule is one of');
});
