import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
const fromMs = Date.UTC(2026, 2, 2);

/** Two of the first company, on meters 10 and 11, and one of the other company on meter 20. */
beforeAll(async () => {
  world = await openWorld('vee_decisions');
  for (const [company, meter, rule, outcome] of [
    [1, 10, 'highLow', 'hold'],
    [1, 11, 'zeroConsumption', 'alert'],
    [2, 20, 'highLow', 'hold'],
  ] as const) {
    await world.writer.sql`
      insert into vee_decision (company_id, meter_id, channel, from_at, to_at, rule, outcome,
                                message, detail, digest, decided_at)
      values (${company}, ${meter}, 1, ${new Date(fromMs)}, ${new Date(fromMs + 86_400_000)},
              ${rule}, ${outcome}, 'made up', '{"window": "day"}'::jsonb,
              ${createHash('sha256').update(rule).digest()}, ${new Date(fromMs + meter * 1_000)})`;
  }
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const fields = `id rule ruleTitle outcome message customerClass resolution resolvedBy reason
  meter { serial }`;

async function list(args: string): Promise<readonly unknown[]> {
  const query = `{ veeDecisions(${args}) { edges { node { ${fields} } } } }`;
  const { body } = await world.post(viewerOf('operator'), { query });
  return JSON.parse(JSON.stringify(body)).data.veeDecisions.edges;
}

const high = { rule: 'highLow', ruleTitle: 'High/Low Check', outcome: 'HOLD' };

test('staff see decisions by meter, rule, outcome and class, of their company alone', async () => {
  expect(await list('first: 10')).toMatchObject([
    { node: { rule: 'zeroConsumption', meter: { serial: 'M11' } } },
    { node: { ...high, meter: { serial: 'M10' } } },
  ]);
  expect(await list('rule: "highLow"')).toMatchObject([{ node: high }]);
  expect(await list('outcome: ALERT')).toMatchObject([{ node: { rule: 'zeroConsumption' } }]);
  expect(await list(`meterId: "${globalId('Meter', '10')}"`)).toMatchObject([{ node: high }]);
  expect(await list(`accountId: "${globalId('Account', '100')}"`)).toHaveLength(1);
  expect(await list('customerClass: LARGE')).toEqual([]);
  expect(await list('isOpen: false')).toEqual([]);
});

const resolution = `mutation ($input: ResolveDecisionInput!) { resolveDecision(input: $input) {
  __typename ... on ResolveDecisionPayload { isReplay decision { ${fields} } }
  ... on UserError { code } } }`;

test('an operator releases a hold with a reason, once; an alert holds nothing', async () => {
  const input = (id: string, reason: string) => ({
    idempotencyKey: randomUUID(),
    decisionId: globalId('VeeDecision', id),
    resolution: 'RELEASED',
    reason,
  });
  const send = (variables: object) =>
    world.post(viewerOf('operator'), { query: resolution, variables });
  const missing = await send({ input: input('1', ' ') });
  expect(missing.body).toMatchObject({ data: { resolveDecision: { code: 'REASON_MISSING' } } });
  const release = { input: input('1', 'a new oven') };
  const first = await send(release);
  expect(first.body).toMatchObject({
    data: { resolveDecision: { isReplay: false, decision: { rule: 'highLow' } } },
  });
  expect(JSON.stringify(first.body)).toContain('"reason":"a new oven"');
  const again = await send(release);
  expect(again.body).toMatchObject({ data: { resolveDecision: { isReplay: true } } });
  const alert = await send({ input: input('2', 'x') });
  expect(alert.body).toMatchObject({
    data: { resolveDecision: { __typename: 'ConflictError', code: 'DECISION_HOLDS_NOTHING' } },
  });
  const foreign = await send({ input: input('3', 'x') });
  expect(foreign.body).toMatchObject({
    data: { resolveDecision: { __typename: 'NotFoundError', code: 'DECISION_NOT_FOUND' } },
  });
  const audits = await world.writer.sql`
    select action, subject from audit_entry where action like 'decision.%'`;
  expect([...audits]).toEqual([{ action: 'decision.released', subject: 'meter/10' }]);
  const duties = await world.writer.sql`select reason from rerate_duty where meter_id = 10`;
  expect([...duties]).toEqual([{ reason: 'bill_judged' }]);
  expect(await list('isOpen: true')).toMatchObject([{ node: { rule: 'zeroConsumption' } }]);
});

test('a subscriber sees no decision', async () => {
  const ada = viewerOf('subscriber', { account: 100 });
  const { body } = await world.post(ada, { query: '{ veeDecisions { edges { node { id } } } }' });
  expect(JSON.stringify(body)).toContain('FORBIDDEN');
});
