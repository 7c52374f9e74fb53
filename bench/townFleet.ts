import type { Fleet } from '../src/domain/fleet.ts';
import type { MeterWorld } from '../src/embedded/meterWorld.ts';
import type { TestEdge } from '../test/support/build/edge.ts';
import { dayNightTariff } from '../test/support/build/fleet.ts';
import type { TownSize } from './town.ts';

const zone = 'Europe/Berlin';
/** Three fuses of 63 A at 230 V. */
const householdWMax = 44_000;

type Given = Pick<TownSize, 'neighbours' | 'pollMs'> & {
  readonly head: TestEdge;
  readonly gate: TestEdge;
  readonly timeScale: number;
};

type Customer = { readonly number: string; readonly serial: string; readonly limitMicros: bigint };

/** Homes on buses, which begin with nothing, and neighbours whom a gateway reads. */
export function townFleet(
  world: MeterWorld,
  { head, gate, timeScale, neighbours, pollMs }: Given,
): Fleet {
  const onBuses = world.buses.flatMap((bus, index) =>
    bus.meters.map((meter) => ({ ...meter, bus: `bus ${index + 1}` })),
  );
  const afar = Array.from({ length: neighbours }, (_, index) => index + 1);
  const customers: readonly Customer[] = [
    ...onBuses.map(({ serial }) => ({ number: `A-${serial}`, serial, limitMicros: 0n })),
    // Never cut: their payments and readings are the others' load.
    ...afar.map((n) => ({ number: `B-${n}`, serial: `N${n}`, limitMicros: -1_000_000_000n })),
  ];
  const blank = { registerModulusWh: null, mapName: 'sdm630' };
  return {
    company: 'Bench Town',
    edges: [
      {
        name: 'head-end',
        publicKeys: [head.publicKey],
        buses: world.buses.map(({ host, port }, index) => ({
          name: `bus ${index + 1}`,
          address: { kind: 'tcp', host, port },
          pollIntervalMs: pollMs,
        })),
      },
      { name: 'gateway', publicKeys: [gate.publicKey], buses: [] },
    ],
    servicePoints: customers.map(({ number }) => ({ name: `home ${number}`, timeZone: zone })),
    meters: [
      ...onBuses.map(({ serial, unitId, mapName, contactorUnitId, bus }) => ({
        ...blank,
        serial,
        edge: 'head-end',
        servicePoint: `home A-${serial}`,
        bus: { name: bus, unitId },
        mapName,
        powerMaxW: householdWMax * timeScale,
        contactor: { unitId: contactorUnitId, coil: 0, limiterRegister: 0 },
      })),
      ...afar.map((n) => ({
        ...blank,
        serial: `N${n}`,
        edge: 'gateway',
        servicePoint: `home B-${n}`,
        bus: null,
        powerMaxW: householdWMax,
        contactor: null,
      })),
    ],
    customers: customers.map(({ number }) => ({
      name: `Customer ${number}`,
      accounts: [{ number, currency: 'EUR' }],
    })),
    tariffs: [
      {
        name: 'home',
        currency: 'EUR',
        versions: [{ validFromMs: 0, document: dayNightTariff }],
      },
    ],
    agreements: customers.map(({ number, limitMicros }) => ({
      account: number,
      servicePoint: `home ${number}`,
      tariff: 'home',
      mode: 'prepaid',
      validFromMs: 0,
      validToMs: null,
      balanceLimitMicros: limitMicros,
      reconnectMicros: limitMicros + 500_000n,
    })),
  };
}
