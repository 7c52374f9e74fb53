import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { startMeterWorld } from '../../src/embedded/meterWorld.ts';
import type { MeterWorld } from '../../src/embedded/meterWorld.ts';
import { at, overEvents, post } from './graphqlClient.ts';
import type { Endpoint } from './graphqlClient.ts';
import { cli, run } from './joulebook.ts';
import type { Running } from './joulebook.ts';
import { eventually } from '../support/eventually.ts';

/**
 * The roles as processes of their own, against servers that were there before them: keys, registry
 * and tokens made at the command line as docs/operations-guide.md says, meters in this process.
 */
export type Servers = Readonly<Record<string, string>> & { readonly DATABASE_URL: string };

export type Roles = {
  readonly operator: Endpoint;
  readonly world: MeterWorld;
  readonly processes: Readonly<Record<'api' | 'ingest' | 'worker', Running>>;
  close(): Promise<void>;
};

const company = 'Lowland Light';
/** 28.8 kW, so that money moves while somebody watches: 2 Wh each quarter of a second. */
const powerW = 28_800;
const stepMs = 250;
const stepWh = 2n;

function ems(args: readonly string[], servers: Servers): string {
  const env = { PATH: process.env['PATH'] ?? '', ...servers };
  return execFileSync(process.execPath, [cli, ...args], { env, encoding: 'utf8' }).trim();
}

/** Two meters of one head-end; 0.30 EUR a kWh at all hours. */
function fleetOf(world: MeterWorld, publicKey: string): object {
  const meters = world.buses.flatMap((bus, index) =>
    bus.meters.map((meter) => ({ ...meter, bus: `bus ${index}` })),
  );
  const document = {
    currency: 'EUR',
    calendars: [{ name: 'all', rules: [{ from: '00:00', to: '24:00', period: 'any' }] }],
    components: [
      { kind: 'energy', name: 'energy', flow: 'import', calendar: 'all', prices: { any: '0.30' } },
    ],
  };
  return {
    company,
    edges: [
      {
        name: 'cellar',
        publicKeys: [publicKey],
        buses: world.buses.map(({ host, port }, index) => ({
          name: `bus ${index}`,
          address: { kind: 'tcp', host, port },
          pollIntervalMs: 1_000,
        })),
      },
    ],
    servicePoints: meters.map(({ serial }) => ({ name: serial, timeZone: 'Europe/Berlin' })),
    meters: meters.map(({ serial, bus, unitId, mapName, contactorUnitId }) => ({
      serial,
      edge: 'cellar',
      servicePoint: serial,
      bus: { name: bus, unitId },
      mapName,
      powerMaxW: 44_000,
      contactor: { unitId: contactorUnitId, coil: 0 },
    })),
    customers: meters.map(({ serial }) => ({
      name: `Customer of ${serial}`,
      accounts: [{ number: `A-${serial}`, currency: 'EUR' }],
    })),
    tariffs: [
      {
        name: 'flat',
        currency: 'EUR',
        versions: [{ validFrom: '2020-01-01T00:00:00Z', document }],
      },
    ],
    agreements: meters.map(({ serial }) => ({
      account: `A-${serial}`,
      servicePoint: serial,
      tariff: 'flat',
      mode: 'prepaid',
      validFrom: '2020-01-01T00:00:00Z',
      balanceLimitMicros: '-1000000000',
      reconnectMicros: '0',
    })),
  };
}

function drive(world: MeterWorld): void {
  for (const [index, { meters }] of world.buses.entries()) {
    for (const { unitId } of meters) {
      if (!world.isSupplyClosed(index, unitId)) continue;
      world.setPowerW(index, unitId, powerW);
      world.setRegisterWh(index, unitId, world.registerWh(index, unitId) + stepWh);
    }
  }
}

/** Until it has said that it is ready; what it said instead, when it ended. */
async function untilReady(name: string, running: Running): Promise<void> {
  await eventually(() => {
    if (running.child.exitCode !== null) return;
    expect(running.said()).toContain(`${name} ready`);
  });
  if (running.child.exitCode !== null) throw new Error(`${name} ended: ${running.said()}`);
}

export async function startRoles(folder: string, servers: Servers): Promise<Roles> {
  const world = await startMeterWorld({
    meters: 2,
    metersPerBus: 2,
    seed: 7,
    clock: { nowMs: Date.now },
    timeScale: 1,
    loadShape: 'driven',
    mapNames: ['sdm630', 'iem3000'],
  });
  const driver = setInterval(() => drive(world), stepMs);
  const migrated = run(['migrate'], servers);
  expect(await migrated.ended, migrated.said()).toBe(0);
  const edgeKey = join(folder, 'edge.pem');
  const tokenKey = join(folder, 'token.pem');
  const publicKey = ems(['key', 'make', edgeKey], servers);
  ems(['key', 'make', tokenKey], servers);
  const fleet = join(folder, 'fleet.json');
  writeFileSync(fleet, JSON.stringify(fleetOf(world, publicKey)));
  ems(['fleet', 'register', fleet], servers);
  const asked = ['--key', tokenKey, '--role', 'operator', '--company', company];
  const token = ems(['token', 'make', ...asked], servers);

  const ingestEnv = { JOULEBOOK_EDGE: 'cellar', JOULEBOOK_EDGE_KEY: edgeKey };
  const processes = {
    worker: run(['worker'], servers),
    ingest: run(['ingest'], { ...servers, ...ingestEnv }),
    api: run(['api', '--port', '0'], { ...servers, JOULEBOOK_TOKEN_KEY: tokenKey }),
  };
  for (const [name, running] of Object.entries(processes)) await untilReady(name, running);
  const graphql = /http:\S+/.exec(processes.api.said())?.[0] ?? '';
  return {
    operator: { graphql, token },
    world,
    processes,
    async close() {
      for (const { child } of Object.values(processes)) child.kill('SIGTERM');
      await Promise.all(Object.values(processes).map(({ ended }) => ended));
      clearInterval(driver);
      await world.close();
    },
  };
}

async function nodesOf(operator: Endpoint, query: string, field: string) {
  const edges = at((await post(operator, { query })).body, 'data', field, 'edges');
  return Array.isArray(edges) ? edges.map((edge) => at(edge, 'node')) : [];
}

/** A reading becomes money on a subscription; a command reaches the contactor and is undone. */
export async function expectTheRoad({ operator, world, processes }: Roles): Promise<void> {
  const [account] = await nodesOf(
    operator,
    '{ accounts(first: 1) { edges { node { id } } } }',
    'accounts',
  );
  const query = `subscription ($id: ID!) { accountBalance(accountId: $id) {
    ... on AccountBalanceChange { balance { amount } charged { amount } energy { wattHours } } } }`;
  const variables = { id: String(at(account, 'id')) };
  const energyOf = (message: unknown) =>
    Number(at(message, 'data', 'accountBalance', 'energy', 'wattHours') ?? 0);
  const messages = await overEvents(operator, { query, variables }, (seen) =>
    seen.some((message) => energyOf(message) > 0),
  );
  const change = at(
    messages.find((message) => energyOf(message) > 0),
    'data',
    'accountBalance',
  );
  // 0.30 EUR a kWh.
  const charged = Number(at(change, 'charged', 'amount'));
  expect(charged).toBeCloseTo((Number(at(change, 'energy', 'wattHours')) * 0.3) / 1_000, 6);

  const meters = '{ meters(first: 1) { edges { node { id supply { state } } } } }';
  const [meter] = await nodesOf(operator, meters, 'meters');
  for (const [kind, state] of [
    ['requestDisconnect', 'DISCONNECTED'],
    ['requestReconnect', 'CONNECTED'],
  ] as const) {
    const input = { idempotencyKey: randomUUID(), meterId: at(meter, 'id'), reason: 'test' };
    const mutation = `mutation ($input: RequestCommandInput!) {
      ${kind}(input: $input) { __typename } }`;
    await post(operator, { query: mutation, variables: { input } });
    await eventually(async () => {
      const [now] = await nodesOf(operator, meters, 'meters');
      expect(now).toMatchObject({ supply: { state } });
    });
    const [{ unitId } = { unitId: 0 }] = world.buses[0]?.meters ?? [];
    expect(world.isSupplyClosed(0, unitId)).toBe(state === 'CONNECTED');
  }
  for (const [name, { child, said }] of Object.entries(processes)) {
    expect(child.exitCode, `${name}: ${said()}`).toBeNull();
  }
}

/** As a supervisor stops them. */
export async function expectToEnd({ processes }: Roles): Promise<void> {
  for (const { child } of Object.values(processes)) child.kill('SIGTERM');
  for (const [name, { ended, said }] of Object.entries(processes)) {
    expect(await ended, `${name}: ${said()}`).toBe(0);
  }
}
