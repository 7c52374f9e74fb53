import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BatchMaker, testEdge } from '../support/build/edge.ts';
import { openOfficeGround, noon, quarter } from '../operations/officeGround.ts';
import type { OfficeGround } from '../operations/officeGround.ts';
import { startTail } from '../../src/stream/tail.ts';
import { createApiServer } from '../../src/schema/server.ts';
import type { ApiServer } from '../../src/schema/server.ts';
import type { Tail } from '../../src/stream/tail.ts';
import { globalId, realm, signingKey, tokenOf } from './world.ts';

let here: OfficeGround;
let server: ApiServer;
let tail: Tail;
let base: string;
const errors: unknown[] = [];
const onError = (error: unknown): void => {
  errors.push(error);
};

beforeAll(async () => {
  here = await openOfficeGround('api_office');
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
  tail = await startTail(here.writer.sql, { pollMs: 100, onError });
  server = createApiServer({
    deps: { ...here.deps, tail, onError, streamProgressMs: 15_000 },
    tokens: { ...realm, publicKey: createPublicKey(signingKey) },
    sandbox: false,
    allowedOrigins: [],
  });
  base = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
});
afterAll(async () => {
  expect(errors).toEqual([]);
  await server.close();
  await tail.close();
  await here.close();
});

async function ask(query: string, variables: object = {}): Promise<unknown> {
  const token = await tokenOf(here.viewer('operator'));
  const response = await fetch(`${base}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

const failure = '... on UserError { __typename code }';
const at = (ms: number): string => new Date(ms).toISOString();
let keys = 0;
function key(): string {
  keys += 1;
  return `00000000-0000-4000-8000-${String(keys).padStart(12, '0')}`;
}

test('002.23: an operator records a reading and edits it; a stale edit is a conflict', async () => {
  const meterId = globalId('Meter', here.meterIds[0]);
  const record = `mutation ($input: RecordReadingsInput!) { recordReadings(input: $input) {
    ${failure} ... on EnteredReadingsPayload { readings isReplay batches { sequence } } } }`;
  const reading = { meterId, readAt: at(noon + 2 * quarter), value: '1250' };
  const input = { idempotencyKey: key(), reason: 'display', readings: [reading] };
  expect(await ask(record, { input })).toMatchObject({
    data: { recordReadings: { readings: 1, isReplay: false, batches: [{ sequence: '1' }] } },
  });
  const half = { ...input, idempotencyKey: key(), readings: [{ ...reading, value: '12.5' }] };
  expect(await ask(record, { input: half })).toMatchObject({
    data: { recordReadings: { __typename: 'InvalidInputError', code: 'VALUE_MALFORMED' } },
  });
  const edit = `mutation ($input: EditReadingInput!) { editReading(input: $input) {
    ${failure} ... on EnteredReadingsPayload { readings } } }`;
  const change = { meterId, readAt: at(noon + quarter), supersedes: 0, reason: 'photo' };
  const first = { ...change, idempotencyKey: key(), value: '1150' };
  expect(await ask(edit, { input: first })).toMatchObject({
    data: { editReading: { readings: 1 } },
  });
  const late = { ...change, idempotencyKey: key(), value: '1160' };
  expect(await ask(edit, { input: late })).toMatchObject({
    data: { editReading: { __typename: 'ConflictError', code: 'READING_REVISION_STALE' } },
  });
  await here.rateAll();
});

test('a reading is traced to its signed bytes, its losers and its author', async () => {
  const query = `query ($meterId: ID!, $readAt: DateTime!) {
    readingTrace(meterId: $meterId, readAt: $readAt) {
      fragment { value revision sequence row } edgeName isWinner isInSeries keyState
      isSignatureValid carried office { author reason } } }`;
  const meterId = globalId('Meter', here.meterIds[0]);
  expect(await ask(query, { meterId, readAt: at(noon + quarter) })).toMatchObject({
    data: {
      readingTrace: [
        {
          fragment: { value: '1150', revision: 1 },
          edgeName: 'office',
          isWinner: true,
          isInSeries: true,
          keyState: 'VALID',
          isSignatureValid: true,
          office: { author: 'operator:one', reason: 'photo' },
        },
        { fragment: { value: '1100', revision: 0, row: 1 }, edgeName: 'edge 1', isWinner: false },
      ],
    },
  });
});

test('004.23: both load profiles, page by page', async () => {
  const meterId = globalId('Meter', here.meterIds[0]);
  const window = { meterId, from: at(noon), to: at(noon + 3 * quarter) };
  const raw = `query ($meterId: ID!, $from: DateTime!, $to: DateTime!, $after: String) {
    readingFragments(meterId: $meterId, from: $from, to: $to, first: 3, after: $after) {
      edges { node { value } } pageInfo { hasNextPage endCursor } } }`;
  const page = await ask(raw, window);
  expect(page).toMatchObject({
    data: { readingFragments: { pageInfo: { hasNextPage: true } } },
  });
  const after = /"endCursor":"([^"]+)"/.exec(JSON.stringify(page))?.[1];
  const rest = await ask(raw, { ...window, after });
  const values = [...JSON.stringify([page, rest]).matchAll(/"value":"(\d+)"/g)].map(([, v]) => v);
  expect(values.toSorted()).toEqual(['1000', '1100', '1150', '1250']);
  const assembled = `query ($meterId: ID!, $from: DateTime!, $to: DateTime!) {
    loadProfile(meterId: $meterId, from: $from, to: $to) { edges { node {
      energy { wattHours } quality readings { register { wattHours } revision sequence } } } } }`;
  expect(await ask(assembled, { ...window, to: at(noon + 2 * quarter) })).toMatchObject({
    data: {
      loadProfile: {
        edges: [
          { node: { energy: { wattHours: '150' }, readings: [{ revision: 0 }] } },
          { node: { energy: { wattHours: '100' }, readings: [{ revision: 1 }] } },
        ],
      },
    },
  });
});

test('004.25: quarantine is listed, looked into and decided about', async () => {
  const list = `query ($isOpen: Boolean, $edgeName: String) {
    quarantinedBatches(isOpen: $isOpen, edgeName: $edgeName) {
    edges { node { id code content resolution { kind by at reason } } } } }`;
  // Of a sender that nobody knows: no company's to see.
  const stranger = new BatchMaker(testEdge(), { edgeId: 1 });
  expect(await here.commit([stranger.sign([])])).toEqual(['BATCH_KEY_UNKNOWN']);
  const open = await ask(list, { isOpen: true });
  // The key that signed it is the second edge's.
  expect(await ask(list, { isOpen: true, edgeName: 'edge 2' })).toEqual(open);
  expect(await ask(list, { edgeName: 'edge 1' })).toEqual({
    data: { quarantinedBatches: { edges: [] } },
  });
  expect(open).toMatchObject({
    data: {
      quarantinedBatches: {
        edges: [
          {
            node: {
              code: 'BATCH_EDGE_FOREIGN',
              resolution: null,
              content: { problem: null, batch: { blocks: [{ readings: [{ value: '7' }] }] } },
            },
          },
        ],
      },
    },
  });
  const batchId = /"id":"([^"]+)"/.exec(JSON.stringify(open))?.[1];
  const replay = `mutation ($input: ResolveQuarantinedInput!) { replayQuarantined(input: $input) {
    ${failure} } }`;
  const input = { idempotencyKey: key(), batchId, reason: 'looked into' };
  expect(await ask(replay, { input })).toMatchObject({
    data: { replayQuarantined: { __typename: 'ConflictError', code: 'QUARANTINE_STILL_REFUSED' } },
  });
  const dismiss = `mutation ($input: ResolveQuarantinedInput!) {
    dismissQuarantined(input: $input) { ${failure}
      ... on ResolveQuarantinedPayload { state batch { resolution { kind by at reason } } } } }`;
  expect(await ask(dismiss, { input: { ...input, idempotencyKey: key() } })).toMatchObject({
    data: {
      dismissQuarantined: { batch: { resolution: { kind: 'DISMISSED', by: 'operator:one' } } },
    },
  });
  expect(await ask(list, { isOpen: true })).toMatchObject({
    data: { quarantinedBatches: { edges: [] } },
  });
});

test('rows that are held back are listed and left out for good', async () => {
  const outage = {
    code: Int32Array.of(1),
    meterId: Int32Array.of(99_999),
    fromMs: Float64Array.of(noon + 1),
    toMs: Float64Array.of(noon + 60_000),
  };
  await here.commit([
    here.makers[0].readings([{ meterId: 99_999, atMs: noon, wh: 3 }]),
    here.makers[0].sign([], noon, [], outage),
  ]);
  await here.rateAll();
  const list = `query ($isWaiting: Boolean) { readingExceptions(isWaiting: $isWaiting) {
    edges { node { meterNumber event code meter { id } dismissal { by reason } } } } }`;
  const unknown = { meterNumber: 99_999, code: 'METER_UNKNOWN', meter: null, dismissal: null };
  const row = { ...unknown, event: null };
  const line = { ...unknown, event: 'POWER_OUTAGE' };
  expect(await ask(list, { isWaiting: true })).toEqual({
    data: { readingExceptions: { edges: [{ node: line }, { node: row }] } },
  });
  const dismiss = `mutation ($input: DismissReadingsInput!) { dismissReadings(input: $input) {
    ${failure} ... on DismissReadingsPayload { rows isMore isReplay } } }`;
  const input = { idempotencyKey: key(), reason: 'a test bench' };
  expect(await ask(dismiss, { input })).toMatchObject({
    data: { dismissReadings: { __typename: 'InvalidInputError', code: 'HELD_BACK_TOO_WIDE' } },
  });
  const at1 = { ...input, meterNumber: 99_999, code: 'METER_UNKNOWN', readFrom: at(noon) };
  expect(await ask(dismiss, { input: at1 })).toEqual({
    data: { dismissReadings: { rows: 2, isMore: false, isReplay: false } },
  });
  expect(await ask(list, { isWaiting: true })).toMatchObject({
    data: { readingExceptions: { edges: [] } },
  });
  const dismissal = { by: 'operator:one', reason: 'a test bench' };
  expect(await ask(list, { isWaiting: false })).toMatchObject({
    data: {
      readingExceptions: { edges: [line, row].map((each) => ({ node: { ...each, dismissal } })) },
    },
  });
});

test('000.53: the reconciliation of a company has nothing that is unexplained', async () => {
  const query = `query ($from: DateTime!, $to: DateTime!) { reconciliation(from: $from, to: $to) {
    unexplained findings { code message } edges { edgeName sent committed rated }
    meters { inLog accepted superseded heldBack } energy { slots { wattHours } } } }`;
  const answer = await ask(query, { from: at(noon), to: at(noon + 4 * quarter) });
  expect(answer).toMatchObject({
    data: {
      reconciliation: { unexplained: 0, findings: [], energy: { slots: { wattHours: '250' } } },
    },
  });
});
