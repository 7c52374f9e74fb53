import { createHash, randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { reviewSupply } from '../../../src/operations/reviewSupply.ts';
import { resolveDecision } from '../../../src/operations/vee/resolveDecision.ts';
import { openGround, startMs } from '../smallFleet.ts';

test('002, 004.5: nobody is cut off on readings that validation holds', async () => {
  const ground = await openGround('vee_cut_off');
  onTestFinished(() => ground.close());
  const { sql } = ground.writer;
  const meterId = ground.fleet.meters.get('JB000001') ?? 0;
  const { companyId } = ground.fleet;
  // At the limit, on a reading of a minute ago.
  await sql`
    insert into series_head (meter_id, channel, company_id, carry, last_read_at, last_value_wh)
    values (${meterId}, 1, ${companyId}, ''::bytea, ${new Date(startMs - 60_000)}, 5)`;
  await sql`update account_balance set balance_micros = 0`;
  const [decision] = await sql<{ id: bigint }[]>`
    insert into vee_decision (company_id, meter_id, channel, from_at, to_at, rule, outcome, message,
                              detail, digest, decided_at)
    values (${companyId}, ${meterId}, 1, ${new Date(startMs - 3_600_000)}, ${new Date(startMs)},
            'highLow', 'hold', 'made up', '{"window": "day"}'::jsonb,
            ${createHash('sha256').update('x').digest()}, ${new Date(startMs)})
    returning id`;
  const account = ground.account('A-1');
  const review = () =>
    sql.begin((tx) => reviewSupply(tx, { companyId, accountIds: [account], nowMs: startMs }));
  expect(await review()).toMatchObject({ commandsRequested: false });
  const deps = { sql: ground.api.sql, clock: ground.clock, wake: () => {} };
  const confirmed = await resolveDecision(deps, ground.viewer('subscriber', 'A-1'), {
    idempotencyKey: randomUUID(),
    decisionId: String(decision?.id),
    kind: 'released',
    reason: 'please',
  });
  expect(confirmed).toMatchObject({ ok: false, code: 'NOT_PERMITTED' });
  expect(await review()).toMatchObject({ commandsRequested: false });
  const released = await resolveDecision(deps, ground.viewer('operator'), {
    idempotencyKey: randomUUID(),
    decisionId: String(decision?.id),
    kind: 'released',
    reason: 'looked at on site',
  });
  expect(released).toMatchObject({ ok: true });
  expect(await review()).toMatchObject({ commandsRequested: true });
});
