import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rateLab } from '../../src/domain/lab/labJob.ts';
import { runSimulation } from '../../src/operations/runSimulation.ts';
import { flatTariff, globalId, openWorld, viewerOf } from './world.ts';
import type { Answer, World } from './world.ts';

/**
 * The world's agreements 1 and 2 have used 1.000 kWh each in March 2026, 0.30 EUR by the present
 * tariff; agreement 3 is another company's.
 */
let world: World;
const developer = viewerOf('developer');
const operator = viewerOf('operator');

beforeAll(async () => {
  world = await openWorld('simulation');
  await world.writer.sql`
    update agreement set attributes = '{"customerClass": "home"}' where id = 1`;
});
afterAll(async () => {
  expect(world.errors).toEqual([]);
  await world.close();
});

let keys = 0;
let idempotencyKey = '';
beforeEach(() => {
  keys += 1;
  idempotencyKey = `00000000-0000-4000-8000-${keys.toString().padStart(12, '0')}`;
});

function priced(price: string): typeof flatTariff {
  const [work] = flatTariff.components;
  if (work === undefined) throw new Error('the flat tariff has a component');
  return { ...flatTariff, components: [{ ...work, prices: { any: price } }] };
}

const mutation = `mutation ($input: SimulateTariffInput!) { simulateTariff(input: $input) {
  ... on UserError { __typename code message path retryable }
  ... on SimulationPayload { isReplay simulation { id state done total } } } }`;

function ask(input: object, viewer = developer): Promise<Answer> {
  const months = { from: '2026-03', through: '2026-03' };
  const variables = { input: { idempotencyKey, ...months, ...input } };
  return world.post(viewer, { query: mutation, variables });
}

async function openIds(): Promise<string[]> {
  const rows = await world.writer.sql<{ id: string }[]>`
    select id from simulation where state in ('waiting', 'running')`;
  return rows.map(({ id }) => id);
}

/** As the worker does, in this thread. */
async function workOff(): Promise<number> {
  let steps = 0;
  for (const id of await openIds()) {
    await runSimulation(
      {
        sql: world.writer.sql,
        clock: { nowMs: () => Date.UTC(2026, 3, 2) },
        rate: async (job) => rateLab(job),
        wake: () => {},
        onProgress: () => {
          steps += 1;
        },
      },
      id,
    );
  }
  return steps;
}

const money = (amount: string) => ({ amount, currency: 'EUR' });

const resultQuery = `query ($id: ID!) { simulation(id: $id) { state done total from through
  totals { rated energy { kilowattHours } before { amount } after { amount currency }
    change { amount } winners { count change { amount } } losers { count change { amount } } }
  byCustomerClass { customerClass totals { rated change { amount } } }
  mostChanged { agreement { id } month before { amount } after { amount } change { amount } }
  refusals { code count }
  agreements { edges { node { agreement { id } customerClass before { amount } after { amount }
    warnings code message } } } } }`;

async function simulate(input: object): Promise<unknown> {
  const asked = await ask(input);
  expect(asked.body).toMatchObject({ data: { simulateTariff: { isReplay: false } } });
  const [id] = await openIds();
  await workOff();
  const variables = { id: globalId('Simulation', id ?? '') };
  const { body } = await world.post(operator, { query: resultQuery, variables });
  return body;
}

async function ledger(): Promise<unknown> {
  return world.writer.sql`
    select (select count(*) from transfer)::int4 as transfers,
           (select count(*) from charge)::int4 as charges,
           (select sum(balance_micros) from account_balance)::text as balances`;
}

describe('a simulated tariff', () => {
  test('of five cents more a kWh costs five cents more a kWh, and posts nothing', async () => {
    const before = await ledger();
    const agreementIds = [globalId('Agreement', 1), globalId('Agreement', 2)];
    const body = await simulate({ document: priced('0.35'), agreementIds });
    const none = { count: 0, change: { amount: '0.00' } };
    expect(body).toMatchObject({
      data: {
        simulation: {
          state: 'DONE',
          done: 2,
          total: 2,
          from: '2026-03',
          through: '2026-03',
          totals: {
            rated: 2,
            energy: { kilowattHours: '2.000' },
            before: { amount: '0.60' },
            after: money('0.70'),
            change: { amount: '0.10' },
            winners: none,
            losers: { count: 2, change: { amount: '0.10' } },
          },
          byCustomerClass: [
            { customerClass: 'home', totals: { rated: 1, change: { amount: '0.05' } } },
            { customerClass: null, totals: { rated: 1, change: { amount: '0.05' } } },
          ],
          mostChanged: agreementIds.map((id) => ({
            agreement: { id },
            month: '2026-03',
            before: { amount: '0.30' },
            after: { amount: '0.35' },
            change: { amount: '0.05' },
          })),
          refusals: [],
          agreements: {
            edges: agreementIds.map((id) => ({
              node: {
                agreement: { id },
                before: { amount: '0.30' },
                after: { amount: '0.35' },
                warnings: ['SLOTS_MISSING'],
                code: null,
              },
            })),
          },
        },
      },
    });
    expect(await ledger()).toEqual(before);
  });

  test('that is the present one changes nothing', async () => {
    const body = await simulate({
      tariffVersionId: globalId('TariffVersion', 1),
      tariffId: globalId('Tariff', 1),
    });
    expect(body).toMatchObject({
      data: {
        simulation: {
          totals: {
            rated: 2,
            before: { amount: '0.60' },
            after: { amount: '0.60' },
            change: { amount: '0.00' },
            winners: { count: 0 },
            losers: { count: 0 },
          },
          mostChanged: [],
        },
      },
    });
  });

  test('tells who wins, by class of customer', async () => {
    const body = await simulate({ document: priced('0.10'), customerClass: 'home' });
    expect(body).toMatchObject({
      data: {
        simulation: {
          total: 1,
          totals: { winners: { count: 1, change: { amount: '-0.20' } }, losers: { count: 0 } },
        },
      },
    });
  });

  test('that asks for what an agreement does not say counts it nowhere', async () => {
    const standing = {
      kind: 'fixed',
      name: 'capacity',
      amount: '1.00',
      per: 'month',
      times: 'contractedKw',
    };
    const document = { ...flatTariff, components: [...flatTariff.components, standing] };
    const body = await simulate({ document, tariffId: globalId('Tariff', 1) });
    expect(body).toMatchObject({
      data: {
        simulation: {
          state: 'DONE',
          done: 2,
          totals: { rated: 0, before: { amount: '0.00' }, after: { amount: '0.00' } },
          refusals: [{ code: 'ATTRIBUTE_MISSING', count: 2 }],
          agreements: { edges: [{ node: { before: null, after: null } }, { node: {} }] },
        },
      },
    });
  });

  test('in another currency than the accounts is refused agreement by agreement', async () => {
    const document = { ...flatTariff, currency: 'USD' };
    const body = await simulate({ document, agreementIds: [globalId('Agreement', 1)] });
    expect(body).toMatchObject({
      data: { simulation: { refusals: [{ code: 'CURRENCY_MISMATCH', count: 1 }] } },
    });
  });
});

describe('asking for a simulation', () => {
  const agreementIds = [globalId('Agreement', 1)];

  test('twice with one key is one simulation', async () => {
    const input = { document: priced('0.31'), agreementIds };
    const first = await ask(input);
    const second = await ask(input);
    expect(first.body).toMatchObject({ data: { simulateTariff: { isReplay: false } } });
    expect(second.body).toMatchObject({
      data: { simulateTariff: { isReplay: true, simulation: { state: 'WAITING', total: 1 } } },
    });
    expect(await openIds()).toHaveLength(1);
    await workOff();
  });

  const bad: [string, object, string, string][] = [
    [
      'an agreement of another company',
      { document: flatTariff, agreementIds: [...agreementIds, globalId('Agreement', 3)] },
      'NotFoundError',
      'AGREEMENT_NOT_FOUND',
    ],
    [
      'a tariff of another company',
      { document: flatTariff, tariffId: globalId('Tariff', 2) },
      'NotFoundError',
      'TARIFF_NOT_FOUND',
    ],
    [
      'a version of another company',
      { tariffVersionId: globalId('TariffVersion', 2), agreementIds },
      'NotFoundError',
      'TARIFF_VERSION_NOT_FOUND',
    ],
    ['no draft', { agreementIds }, 'InvalidInputError', 'DRAFT_MISSING'],
    ['no agreements', { document: flatTariff }, 'InvalidInputError', 'SCOPE_MISSING'],
    [
      'a class that nobody is of',
      { document: flatTariff, customerClass: 'palace' },
      'InvalidInputError',
      'SIMULATION_EMPTY',
    ],
    [
      'months in the wrong order',
      { document: flatTariff, agreementIds, from: '2026-04', through: '2026-03' },
      'InvalidInputError',
      'MONTHS_REVERSED',
    ],
    [
      'a hundred months',
      { document: flatTariff, agreementIds, from: '2018-01', through: '2026-04' },
      'InvalidInputError',
      'MONTHS_TOO_MANY',
    ],
    [
      'a month that is none',
      { document: flatTariff, agreementIds, from: '2026-13' },
      'InvalidInputError',
      'MONTH_MALFORMED',
    ],
    [
      'a draft that is no tariff',
      { document: { currency: 'EUR' }, agreementIds },
      'InvalidInputError',
      'TARIFF_MALFORMED',
    ],
  ];
  test.each(bad)('with %s is refused, and nothing is begun', async (_name, input, type, code) => {
    const { body } = await ask(input);
    expect(body).toMatchObject({ data: { simulateTariff: { __typename: type, code } } });
    expect(await openIds()).toEqual([]);
  });

  test('is not for operators, and its result not for subscribers', async () => {
    const input = { document: flatTariff, agreementIds };
    expect((await ask(input, operator)).body).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
    const ada = viewerOf('subscriber', { account: 100 });
    const query = '{ simulations { edges { node { id } } } }';
    expect((await world.post(ada, { query })).body).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
  });

  test('shows it to its company only', async () => {
    const query = '{ simulations { edges { node { id state } } } }';
    const own = await world.post(operator, { query });
    expect(JSON.stringify(own.body)).toContain('DONE');
    const other = await world.post(viewerOf('operator', { company: 2 }), { query });
    expect(other.body).toEqual({ data: { simulations: { edges: [] } } });
  });

  test('ends with its cancellation, which is done once', async () => {
    await ask({ document: priced('0.32'), agreementIds });
    const [id] = await openIds();
    const simulationId = globalId('Simulation', id ?? '');
    const query = `mutation ($input: CancelSimulationInput!) { cancelSimulation(input: $input) {
      ... on UserError { __typename code }
      ... on SimulationPayload { isReplay simulation { state done } } } }`;
    for (const isReplay of [false, true]) {
      const { body } = await world.post(developer, {
        query,
        variables: { input: { simulationId } },
      });
      expect(body).toEqual({
        data: { cancelSimulation: { isReplay, simulation: { state: 'CANCELLED', done: 0 } } },
      });
    }
    expect(await workOff()).toBe(0);
  });

  test('more than four at a time is refused until one is done', async () => {
    for (let number = 0; number < 4; number += 1) {
      idempotencyKey = `00000000-0000-4000-9000-00000000000${number}`;
      await ask({ document: priced(`0.4${number}`), agreementIds });
    }
    idempotencyKey = '00000000-0000-4000-9000-000000000009';
    const { body } = await ask({ document: priced('0.5'), agreementIds });
    expect(body).toMatchObject({
      data: { simulateTariff: { code: 'SIMULATIONS_TOO_MANY', retryable: true } },
    });
    expect(await workOff()).toBe(4);
  });
});
