import type { Sql } from '../../../src/db/connect.ts';
import type { Fleet } from '../../../src/domain/fleet.ts';
import { registerFleet } from '../../../src/operations/registerFleet.ts';
import type { RegisteredFleet } from '../../../src/operations/registerFleet.ts';
import { testEdge } from './edge.ts';
import type { TestEdge } from './edge.ts';

/** Day 0.30, night 0.20 a kWh, night from 22:00 to 06:00. */
export const dayNightTariff = {
  currency: 'EUR',
  calendars: [
    {
      name: 'tou',
      rules: [
        { from: '22:00', to: '06:00', period: 'night' },
        { from: '00:00', to: '24:00', period: 'day' },
      ],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'tou',
      prices: { night: '0.20', day: '0.30' },
    },
  ],
};

export function flatTariff(price: string): typeof dayNightTariff {
  return {
    currency: 'EUR',
    calendars: [{ name: 'tou', rules: [{ from: '00:00', to: '24:00', period: 'all' }] }],
    components: [
      {
        kind: 'energy',
        name: 'energy',
        flow: 'import',
        calendar: 'tou',
        // The period is named for this calendar; the type is only the shape of the literal above.
        prices: { all: price } as unknown as { night: string; day: string },
      },
    ],
  };
}

export type FleetShape = {
  readonly company?: string;
  readonly logShard?: number;
  readonly meters: number;
  readonly timeZone?: string;
  readonly mode?: 'prepaid' | 'postpaid';
  readonly validFromMs?: number;
  readonly balanceLimitMicros?: bigint;
  readonly reconnectMicros?: bigint;
  readonly versions?: Fleet['tariffs'][number]['versions'];
  readonly powerMaxW?: number;
  readonly registerModulusWh?: bigint | null;
};

/** One edge, and for each meter a service point, a customer, an account and an agreement. */
export function fleetOf(shape: FleetShape, edge: TestEdge): Fleet {
  const numbers = Array.from({ length: shape.meters }, (_, index) => index + 1);
  return {
    company: shape.company ?? 'Test Grid',
    edges: [
      { name: 'edge 1', publicKeys: [edge.publicKey], logShard: shape.logShard ?? 0, buses: [] },
    ],
    servicePoints: numbers.map((n) => ({
      name: `point ${n}`,
      timeZone: shape.timeZone ?? 'Europe/Berlin',
    })),
    meters: numbers.map((n) => ({
      serial: `M${n}`,
      edge: 'edge 1',
      servicePoint: `point ${n}`,
      bus: null,
      mapName: 'sdm630',
      powerMaxW: shape.powerMaxW ?? 40_000,
      registerModulusWh: shape.registerModulusWh ?? null,
      contactor: null,
    })),
    customers: numbers.map((n) => ({
      name: `customer ${n}`,
      accounts: [{ number: `A${n}`, currency: 'EUR' }],
    })),
    tariffs: [
      {
        name: 'home',
        currency: 'EUR',
        versions: shape.versions ?? [{ validFromMs: 0, document: dayNightTariff }],
      },
    ],
    agreements: numbers.map((n) => ({
      account: `A${n}`,
      servicePoint: `point ${n}`,
      tariff: 'home',
      mode: shape.mode ?? 'postpaid',
      validFromMs: shape.validFromMs ?? 0,
      validToMs: null,
      balanceLimitMicros: shape.balanceLimitMicros ?? 0n,
      reconnectMicros: shape.reconnectMicros ?? 1n,
    })),
  };
}

export type BuiltFleet = RegisteredFleet & { readonly edge: TestEdge; readonly edgeId: number };

export async function buildFleet(
  sql: Sql,
  shape: FleetShape,
  nowMs = Date.UTC(2026, 0, 1),
): Promise<BuiltFleet> {
  const edge = testEdge();
  const registered = await registerFleet(
    { sql, clock: { nowMs: () => nowMs } },
    fleetOf(shape, edge),
  );
  if (!registered.ok) throw new Error(`${registered.code}: ${registered.message}`);
  const edgeId = registered.value.edges.get('edge 1')?.edgeId;
  if (edgeId === undefined) throw new Error('the edge is registered');
  return { ...registered.value, edge, edgeId };
}
