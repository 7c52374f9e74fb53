import { afterAll, beforeAll, expect, test } from 'vitest';
import { globalId, openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
const operator = viewerOf('operator');

beforeAll(async () => {
  world = await openWorld('register_marks');
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const failure = '... on UserError { __typename code path }';
const meterId = globalId('Meter', 10);
const at = '2026-03-14T10:40:00.000Z';
const key = (n: number) => `00000000-0000-4000-8000-${n.toString().padStart(12, '0')}`;

test('a mark is recorded, told with its author, and refused where it is malformed', async () => {
  const query = `mutation ($input: RecordRegisterMarkInput!) { recordRegisterMark(input: $input) {
    ${failure} ... on RecordRegisterMarkPayload { isNew isReplay affectedPeriods } } }`;
  const input = { idempotencyKey: key(1), meterId, at, kind: 'FACTOR', reason: 'the plate' };
  const send = async (changed: object) => {
    const { body } = await world.post(operator, {
      query,
      variables: { input: { ...input, ...changed } },
    });
    return body;
  };
  expect(await send({ factor: '200/5' })).toMatchObject({
    data: { recordRegisterMark: { isNew: true, isReplay: false } },
  });
  expect(await send({ factor: '200/5' })).toMatchObject({
    data: { recordRegisterMark: { isNew: true, isReplay: true } },
  });
  const half = { idempotencyKey: key(2), channel: 1, factor: '1', finalValue: '12.5' };
  expect(await send(half)).toMatchObject({
    data: {
      recordRegisterMark: { code: 'MARK_MALFORMED', path: ['input', 'finalValue'] },
    },
  });
  const nobody = { idempotencyKey: key(3), meterId: globalId('Meter', 999_999), factor: '2' };
  expect(await send(nobody)).toMatchObject({
    data: { recordRegisterMark: { __typename: 'NotFoundError', code: 'METER_NOT_FOUND' } },
  });
  const told = await world.post(operator, {
    query: `{ registerMarks(meterId: "${meterId}") {
      at kind channel factor finalValue startValue isInForce recordedBy reason } }`,
  });
  expect(told.body).toEqual({
    data: {
      registerMarks: [
        {
          at,
          kind: 'FACTOR',
          channel: null,
          factor: '40',
          finalValue: null,
          startValue: null,
          isInForce: true,
          recordedBy: operator.actor,
          reason: 'the plate',
        },
      ],
    },
  });
});

test('a meter is exchanged, and its log is asked for', async () => {
  const query = `mutation ($input: ExchangeMeterInput!) { exchangeMeter(input: $input) { ${failure}
    ... on ExchangeMeterPayload { isReplay oldMeter { serial } newMeter { serial canSwitch } } } }`;
  const input = {
    idempotencyKey: key(4),
    meterId,
    at,
    finalValues: [{ channel: 1, value: '45231400' }],
    meter: { serial: 'X-1' },
    startValues: [{ channel: 1, value: '12000' }],
    reason: 'worn out',
  };
  const { body } = await world.post(operator, { query, variables: { input } });
  expect(body).toMatchObject({
    data: { exchangeMeter: { isReplay: false, newMeter: { serial: 'X-1' } } },
  });
  const twice = { ...input, idempotencyKey: key(5), meter: { serial: 'X-2' } };
  const again = await world.post(operator, { query, variables: { input: twice } });
  expect(again.body).toMatchObject({
    data: { exchangeMeter: { __typename: 'ConflictError', code: 'METER_REMOVED' } },
  });
  const events = await world.post(operator, {
    query: `{ meterEvents(meterId: "${meterId}", from: "2026-01-01T00:00:00Z",
      to: "2027-01-01T00:00:00Z") { name code from to } }`,
  });
  expect(events.body).toEqual({ data: { meterEvents: [] } });
});

test('whoever sees readings sees their marks: a subscriber has the same energy', async () => {
  // Of the sample day: 250 Wh in each quarter hour, and a factor of 2.
  const query = `mutation ($input: RecordRegisterMarkInput!) { recordRegisterMark(input: $input) {
    ${failure} ... on RecordRegisterMarkPayload { isNew } } }`;
  const of = { idempotencyKey: key(6), meterId, kind: 'FACTOR', factor: '2', reason: 'the plate' };
  const input = { ...of, at: '2026-03-02T00:00:00Z' };
  const recorded = await world.post(operator, { query, variables: { input } });
  expect(recorded.body).toMatchObject({ data: { recordRegisterMark: { isNew: true } } });
  for (const viewer of [operator, viewerOf('subscriber', { account: 100 })]) {
    const { body } = await world.post(viewer, {
      query: `{ meter(id: "${meterId}") {
        intervals(from: "2026-03-02T00:00:00Z", to: "2026-03-02T00:30:00Z") {
          edges { node { energy { kilowattHours } } } } } }`,
    });
    const half = { node: { energy: { kilowattHours: '0.500' } } };
    expect(body).toEqual({ data: { meter: { intervals: { edges: [half, half] } } } });
  }
});
