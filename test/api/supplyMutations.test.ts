import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect } from 'vitest';
import { openPolicy, publishForTest } from '../operations/smallFleet.ts';
import { describeKeyed } from './keyedMutations.ts';
import type { Case } from './keyedMutations.ts';
import { globalId, openWorld } from './world.ts';
import type { World } from './world.ts';

let world: World;
const tripId = randomUUID();
const protectionId = randomUUID();
const advisoryId = randomUUID();
const workOrderId = randomUUID();

beforeAll(async () => {
  world = await openWorld('supply_mutations');
  const { sql } = world.writer;
  await publishForTest(sql, 1);
  const now = new Date();
  await sql`update meter set contactor_unit_id = 112, contactor_coil = 0 where id = 12`;
  await sql`insert into supply (meter_id, company_id, state, cause, since)
            values (12, 1, 'disconnected', 'manual', ${now})`;
  await sql`insert into breaker_trip (id, company_id, region, cuts, tripped_at)
            values (${tripId}, 1, '', 21, ${now})`;
  await sql`insert into protection (id, company_id, account_id, kind, from_at, reason, recorded_at,
                                    recorded_by)
            values (${protectionId}, 1, 100, 'medical', ${now}, 'x', ${now}, 'test')`;
  await sql`insert into weather_advisory (id, company_id, region, kind, from_at, to_at, source,
                                          recorded_at, recorded_by)
            values (${advisoryId}, 1, '', 'heat', ${now}, ${new Date(Date.now() + 86_400_000)},
                    'service', ${now}, 'test')`;
  await sql`insert into work_order (id, company_id, meter_id, kind, detail, opened_at)
            values (${workOrderId}, 1, 10, 'bypass', '{}', ${now})`;
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

const account = globalId('Account', 100);
const postpaid = globalId('Account', 101);
const recorded = { payload: 'RecordedPayload', fields: 'recordId' };
const approved = { payload: 'ApprovedPayload', fields: 'people peopleNeeded' };
const anyText: unknown = expect.any(String);
const reason = 'as agreed';
const soon = new Date(Date.now() + 3_600_000).toISOString();
const later = new Date(Date.now() + 7_200_000).toISOString();

const ofSupply: readonly Case[] = [
  {
    name: 'requestReconnect',
    inputType: 'RequestCommandInput',
    payload: 'RequestCommandPayload',
    fields: 'command { kind }',
    input: () => ({ meterId: globalId('Meter', 12), reason }),
    expected: { command: { kind: 'RECONNECT' } },
    other: { reason: 'another' },
    foreign: 'METER_NOT_FOUND',
    bad: [
      [{}, 'COMMAND_OPEN'],
      [{ meterId: globalId('Meter', 11) }, 'NO_CONTACTOR'],
      [{ meterId: globalId('Meter', 10) }, 'SUPPLY_ALREADY_SO'],
    ],
  },
  {
    name: 'approveDisconnect',
    ...approved,
    input: () => ({ meterId: globalId('Meter', 10), reason }),
    expected: { people: 1, peopleNeeded: 1 },
    other: { reason: 'another' },
    foreign: 'METER_NOT_FOUND',
    bad: [
      [{}, 'ALREADY_APPROVED'],
      [{ reason: '' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'approveBreaker',
    ...approved,
    input: () => ({ tripId, reason }),
    expected: { people: 1, peopleNeeded: 2 },
    other: { reason: 'another' },
    foreign: 'TRIP_NOT_FOUND',
    bad: [
      [{}, 'ALREADY_APPROVED'],
      [{ tripId: randomUUID() }, 'TRIP_NOT_FOUND'],
    ],
  },
  {
    name: 'addProtection',
    ...recorded,
    input: () => ({ accountId: postpaid, kind: 'MEDICAL', from: '2026-03-02T00:00:00Z', reason }),
    expected: { recordId: anyText },
    other: { kind: 'DISPUTE' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{ kind: 'LIFE_SUPPORT', to: '2026-03-03T00:00:00Z' }, 'LIFE_SUPPORT_HAS_NO_END'],
      [{ to: '2026-03-01T00:00:00Z' }, 'PROTECTION_SPAN_WRONG'],
      [{ reason: '' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'endProtection',
    ...recorded,
    input: () => ({ protectionId, contactProof: 'called on Monday', reason }),
    expected: { recordId: protectionId },
    other: { contactProof: 'a letter' },
    foreign: 'PROTECTION_NOT_FOUND',
    bad: [
      [{}, 'PROTECTION_ENDED'],
      [{ contactProof: '' }, 'CONTACT_PROOF_MISSING'],
    ],
  },
  {
    name: 'recordWeatherAdvisory',
    ...recorded,
    input: () => ({
      region: 'north',
      kind: 'HEAT',
      from: '2026-03-02T00:00:00Z',
      to: '2026-03-03T00:00:00Z',
      source: 'weather service',
    }),
    expected: { recordId: anyText },
    other: { kind: 'COLD' },
    foreign: null,
    bad: [
      [{ to: '2026-03-01T00:00:00Z' }, 'ADVISORY_SPAN_WRONG'],
      [{ source: '' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'endWeatherAdvisory',
    ...recorded,
    input: () => ({ advisoryId, reason }),
    expected: { recordId: anyText },
    other: { reason: 'another' },
    foreign: 'ADVISORY_NOT_FOUND',
    bad: [
      [{ advisoryId: randomUUID() }, 'ADVISORY_NOT_FOUND'],
      [{ reason: '' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'endWorkOrder',
    ...recorded,
    input: () => ({ workOrderId, outcome: 'seal replaced' }),
    expected: { recordId: workOrderId },
    other: { outcome: 'another' },
    foreign: 'WORK_ORDER_NOT_FOUND',
    bad: [
      [{}, 'WORK_ORDER_ENDED'],
      [{ outcome: '' }, 'REASON_MISSING'],
    ],
  },
  {
    name: 'publishPrepaidPolicy',
    fields: 'policy { name }',
    input: () => ({ document: { ...openPolicy, name: 'careful' }, validFrom: soon, reason }),
    expected: { policy: { name: 'careful' } },
    other: { reason: 'another' },
    foreign: null,
    bad: [
      [{ document: { name: 'x', surprise: 1 } }, 'PREPAID_POLICY_MALFORMED'],
      [{}, 'POLICY_BEGINS_TWICE'],
      [{ validFrom: '1000-01-01T00:00:00Z' }, 'VALIDITY_OUT_OF_RANGE'],
    ],
  },
  {
    name: 'putUnderPolicy',
    fields: 'policyName',
    input: () => ({ accountId: account, policyName: 'careful', validFrom: later, reason }),
    expected: { policyName: 'careful' },
    other: { reason: 'another' },
    foreign: 'ACCOUNT_NOT_FOUND',
    bad: [
      [{ policyName: 'nobody wrote it' }, 'POLICY_NOT_FOUND'],
      [{}, 'POLICY_BEGINS_TWICE'],
      [{ validFrom: '1000-01-01T00:00:00Z' }, 'VALIDITY_OUT_OF_RANGE'],
    ],
  },
];

describeKeyed(ofSupply, () => world);
