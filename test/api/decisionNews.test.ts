import { createHash } from 'node:crypto';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import { asViewer } from '../../src/db/viewer.ts';
import { eventShardOf, readSubjectEvents } from '../../src/db/events.ts';
import { decisionEvents } from '../../src/operations/vee/decisionEvents.ts';
import { globalId, openWorld, tokenOf, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
const fromMs = Date.UTC(2026, 2, 2);

beforeAll(async () => {
  world = await openWorld('decision_news', { streamProgressMs: 300 });
  for (const [company, meter] of [
    [1, 10],
    [2, 20],
  ] as const) {
    await world.writer.sql`
      insert into vee_decision (company_id, meter_id, channel, from_at, to_at, rule, outcome,
                                message, detail, digest, decided_at)
      values (${company}, ${meter}, 1, ${new Date(fromMs)}, ${new Date(fromMs + 86_400_000)},
              'highLow', 'hold', 'made up', '{"window": "day"}'::jsonb,
              ${createHash('sha256').update(String(meter)).digest()}, ${new Date(fromMs)})`;
  }
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const query = `subscription ($after: Cursor) { decisionNews(after: $after) {
  __typename ... on StreamEvent { cursor } ... on DecisionSnapshot { openHolds }
  ... on DecisionNews { changes { state decision { id rule meter { serial } } } } } }`;

type Event = Record<string, unknown>;

function streamOf(viewer: Viewer, after?: unknown) {
  const client = createClient({
    url: world.base.replace('http', 'ws') + '/graphql',
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ token: await tokenOf(viewer) }),
    retryAttempts: 0,
  });
  const stream = client.iterate<Record<string, Event>>({ query, variables: { after } });
  return {
    /** The next message that is not StreamProgress. */
    async next(): Promise<Event> {
      for (;;) {
        const { value, done } = await stream.next();
        if (done === true) throw new Error('the stream ended');
        if (value.errors !== undefined) throw new Error(JSON.stringify(value.errors));
        const event = value.data?.['decisionNews'];
        if (event !== undefined && event['__typename'] !== 'StreamProgress') return event;
      }
    },
    async close(): Promise<void> {
      await stream.return?.();
      await client.dispose();
    },
  };
}

const idOf = async (meterId: number): Promise<bigint> => {
  const [row] = await world.writer.sql<{ id: bigint }[]>`
    select id from vee_decision where meter_id = ${meterId}`;
  return row?.id ?? 0n;
};

async function tell(companyId: number, decisionId: bigint, state: 'held' | 'withdrawn') {
  const events = decisionEvents([{ decisionId, companyId, state }], fromMs);
  for (const event of events) await world.append(event);
}

const operator = viewerOf('operator');

test('staff are told which decisions hold bills, of their company alone', async () => {
  const [own, foreign] = [await idOf(10), await idOf(20)];
  const stream = streamOf(operator);
  expect(await stream.next()).toMatchObject({ __typename: 'DecisionSnapshot', openHolds: 1 });
  // Of the other company; and one that claims to be of ours and is not.
  await tell(2, foreign, 'held');
  await tell(1, foreign, 'held');
  expect(await stream.next()).toMatchObject({ changes: [{ state: 'HELD', decision: null }] });
  await tell(1, own, 'held');
  const held = await stream.next();
  const decision = {
    id: globalId('VeeDecision', own.toString()),
    rule: 'highLow',
    meter: { serial: 'M10' },
  };
  expect(held).toMatchObject({ changes: [{ state: 'HELD', decision }] });
  await stream.close();
  await tell(1, own, 'withdrawn');
  const resumed = streamOf(operator, held['cursor']);
  expect(await resumed.next()).toMatchObject({ changes: [{ state: 'WITHDRAWN', decision }] });
  await resumed.close();
});

test('a release by a person is told', async () => {
  const own = await idOf(10);
  const stream = streamOf(operator);
  expect(await stream.next()).toMatchObject({ openHolds: 1 });
  const mutation = `mutation { resolveDecision(input: {
    idempotencyKey: "00000000-0000-4000-8000-0000000000e1", resolution: RELEASED,
    decisionId: "${globalId('VeeDecision', own.toString())}", reason: "seen" }) { __typename } }`;
  expect((await world.post(operator, { query: mutation })).body).toMatchObject({
    data: { resolveDecision: { __typename: 'ResolveDecisionPayload' } },
  });
  expect(await stream.next()).toMatchObject({ changes: [{ state: 'RELEASED' }] });
  await stream.close();
  const after = streamOf(operator);
  expect(await after.next()).toMatchObject({ openHolds: 0 });
  await after.close();
});

test('a subscriber is refused, and sees no such event either', async () => {
  const subscriber = viewerOf('subscriber', { account: 100 });
  const stream = streamOf(subscriber);
  await expect(stream.next()).rejects.toThrow('FORBIDDEN');
  await stream.close();
  const read = (viewer: Viewer) =>
    asViewer(world.api.sql, viewer, (tx) =>
      readSubjectEvents(tx, {
        shard: eventShardOf(1),
        after: 0n,
        subject: { meterId: 0 },
        limit: 10,
      }),
    );
  expect(await read(subscriber)).toEqual([]);
  expect((await read(operator)).length).toBeGreaterThan(0);
});
