import { randomUUID } from 'node:crypto';
import { createClient } from 'graphql-ws';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { rateLab } from '../../src/domain/lab/labJob.ts';
import { cancelSimulation } from '../../src/operations/cancelSimulation.ts';
import { runSimulation } from '../../src/operations/runSimulation.ts';
import type { RunDeps } from '../../src/operations/runSimulation.ts';
import { simulateTariff } from '../../src/operations/simulateTariff.ts';
import { openLabThreads, startLab } from '../../src/workers/lab.ts';
import type { Lab } from '../../src/workers/lab.ts';
import { openQueues } from '../../src/workers/queues.ts';
import { flatTariff, globalId, openWorld, tokenOf, viewerOf } from '../api/world.ts';
import type { World } from '../api/world.ts';
import { eventually } from '../support/eventually.ts';

/**
 * Forty agreements of company 1, two of the world's and the others at service point 11; each has
 * used 1.000 kWh in March 2026. Over 24 months a chunk has 16 of them, so there are three.
 */
const agreementCount = 40;
const developer = viewerOf('developer');
const nowMs = Date.UTC(2026, 3, 2);

let world: World;
beforeAll(async () => {
  world = await openWorld('lab');
  const owner = postgres(world.url, { max: 1, onnotice: () => {} });
  await owner`
    insert into agreement (id, company_id, account_id, service_point_id, tariff_id, mode,
                           valid_from, balance_limit_micros, reconnect_micros)
    overriding system value
    select id, 1, 101, 11, 1, 'postpaid', '2020-01-01Z'::timestamptz, -99000000, 0
    from generate_series(11, ${agreementCount + 8}) as id`;
  await owner.end();
});
afterAll(() => world.close());

function deps(changed: Partial<RunDeps> = {}): RunDeps {
  const clock = { nowMs: () => nowMs };
  return { sql: world.writer.sql, clock, rate: async (job) => rateLab(job), wake() {}, ...changed };
}

const requestDeps = () => ({ sql: world.api.sql, clock: { nowMs: () => nowMs }, wake() {} });

async function asked(): Promise<string> {
  const done = await simulateTariff(requestDeps(), developer, {
    idempotencyKey: randomUUID(),
    document: {
      ...flatTariff,
      components: flatTariff.components.map((each) => ({ ...each, prices: { any: '0.35' } })),
    },
    tariffVersionId: null,
    agreementIds: null,
    tariffId: 1,
    customerClass: null,
    fromMonth: '2024-04',
    throughMonth: '2026-03',
  });
  if (!done.ok) throw new Error(`${done.code}: ${done.message}`);
  return done.value.simulationId;
}

/** State, progress, and what the rows themselves add up to. */
async function stateOf(id: string): Promise<unknown> {
  const [row] = await world.writer.sql`
    select s.state, s.done_count as done,
           (select count(*)::int4 from simulation_agreement where simulation_id = s.id
              and state = 'rated') as rated,
           (select coalesce(sum(after_micros - before_micros), 0)::text from simulation_agreement
              where simulation_id = s.id) as change
    from simulation s where s.id = ${id}::uuid`;
  return row;
}

/** 5 cents for each of the forty kilowatt-hours. */
const all = { state: 'done', done: agreementCount, rated: agreementCount, change: '2000000' };

test('a simulation is worked off behind the queue, and its followers see it', async () => {
  const errors: unknown[] = [];
  const queues = openQueues({ kind: 'postgres', url: world.url }, (each) => errors.push(each));
  const threads = openLabThreads();
  const queue = await queues.open('simulateTariff', 'all');
  const onProblem = (error: unknown) => errors.push(error);
  let lab: Lab | null = null;
  const client = createClient({
    url: `${world.base.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ token: await tokenOf(viewerOf('operator')) }),
    retryAttempts: 0,
  });
  try {
    const id = await asked();
    const query = `subscription ($id: ID!) { simulationProgress(simulationId: $id) {
      ... on SimulationProgress { state done total simulation { id } } } }`;
    const variables = { id: globalId('Simulation', id) };
    const seen: unknown[] = [];
    const following = (async () => {
      for await (const { data } of client.iterate({ query, variables })) {
        const told = JSON.stringify(data);
        if (told.includes('"state"')) seen.push(data?.['simulationProgress']);
        if (told.includes('DONE')) return;
      }
    })();
    await eventually(() => expect(seen).toHaveLength(1));
    // Not before: it looks by itself what waits at its start.
    lab = await startLab({ ...deps(), threads, queue, onProblem });
    await following;
    expect(await stateOf(id)).toEqual(all);
    const told = (state: string, done: number) => ({
      state,
      done,
      total: agreementCount,
      simulation: { id: globalId('Simulation', id) },
    });
    expect(seen).toEqual([
      told('WAITING', 0),
      told('RUNNING', 16),
      told('RUNNING', 32),
      told('DONE', 40),
    ]);
    const next = await asked();
    lab.ring();
    await eventually(async () => expect(await stateOf(next)).toEqual(all));
    expect(errors).toEqual([]);
  } finally {
    await client.dispose();
    lab?.stop();
    await queues.close();
    await threads.close();
  }
});

test('a run that breaks off is gone on with, and every agreement counts once', async () => {
  const id = await asked();
  let chunks = 0;
  const breaking = deps({
    rate: async (job) => {
      chunks += 1;
      if (chunks === 2) throw new Error('the process was killed');
      return rateLab(job);
    },
  });
  await expect(runSimulation(breaking, id)).rejects.toThrow('killed');
  expect(await stateOf(id)).toMatchObject({ state: 'running', done: 16, rated: 16 });
  const rated: number[] = [];
  await runSimulation(
    deps({
      rate: async (job) => {
        rated.push(job.subjects.length);
        return rateLab(job);
      },
    }),
    id,
  );
  expect(rated).toEqual([16, 8]);
  expect(await stateOf(id)).toEqual(all);
  await runSimulation(deps(), id);
  expect(await stateOf(id)).toEqual(all);
});

test('two workers at once rate twice and count once', async () => {
  const id = await asked();
  await Promise.all([runSimulation(deps(), id), runSimulation(deps(), id)]);
  expect(await stateOf(id)).toEqual(all);
});

test('a cancelled simulation ends with its chunk, whose result is dropped', async () => {
  const id = await asked();
  let chunks = 0;
  const cancelling = deps({
    rate: async (job) => {
      chunks += 1;
      if (chunks === 2) await cancelSimulation(requestDeps(), developer, { simulationId: id });
      return rateLab(job);
    },
  });
  await runSimulation(cancelling, id);
  expect(chunks).toBe(2);
  expect(await stateOf(id)).toMatchObject({ state: 'cancelled', done: 16, rated: 16 });
});

test('an agreement that breaks the rating is told so, and the others are rated', async () => {
  const id = await asked();
  await runSimulation(
    deps({
      rate: async (job) => {
        const [first, ...others] = job.subjects;
        if (first === undefined) throw new Error('a chunk has agreements');
        const broken = { ...first, meters: [{ ...brokenMeter }] };
        return rateLab({ ...job, subjects: [broken, ...others] });
      },
    }),
    id,
  );
  const [row] = await world.writer.sql`
    select count(*)::int4 as count, min(code) as code from simulation_agreement
    where simulation_id = ${id}::uuid and state = 'refused'`;
  expect(row).toEqual({ count: 3, code: 'RATING_FAILED' });
  expect(await stateOf(id)).toMatchObject({ state: 'done', done: agreementCount, rated: 37 });
});

/** Its power limit is none, which the walk asserts. */
const brokenMeter = {
  powerMaxW: 0,
  registerModulusWh: null,
  channels: [
    {
      channel: 1,
      bytes: new Uint8Array(0),
      offsets: Int32Array.of(0, 0),
      carryIn: null,
      marks: [],
    },
  ],
};
