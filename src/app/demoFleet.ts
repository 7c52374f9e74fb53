import type { Fleet } from '../domain/fleet.ts';
import type { MeterWorld } from '../embedded/meterWorld.ts';

/** The demonstration runs sixty times faster than its clock: a minute shows an hour's energy. */
export const demoTimeScale = 60;
export const demoEdge = 'head-end';
export const demoCompany = 'Meadow Light';
const zone = 'Europe/Berlin';
const pollIntervalMs = 2_000;
/** A household's three 63 A fuses (3 x 230 V x 63 A), at the demonstration's speed. */
const powerMaxW = 44_000 * demoTimeScale;

const householdTariff = {
  currency: 'EUR',
  calendars: [
    {
      name: 'time of use',
      dayTypes: [{ name: 'weekend', weekdays: ['sat', 'sun'] }],
      rules: [
        { from: '22:00', to: '06:00', period: 'night' },
        { dayTypes: ['weekend'], from: '00:00', to: '24:00', period: 'day' },
        { from: '17:00', to: '21:00', period: 'peak' },
        { from: '00:00', to: '24:00', period: 'day' },
      ],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'time of use',
      prices: { night: '0.21', day: '0.29', peak: '0.38' },
    },
  ],
};

export type DemoAccount = {
  readonly number: string;
  readonly serial: string;
  readonly mode: 'prepaid' | 'postpaid';
};

/** Every fourth customer pays later; the others pay first. */
export function demoAccounts(world: MeterWorld): readonly DemoAccount[] {
  return world.buses
    .flatMap((bus) => bus.meters)
    .map((meter, index) => ({
      number: `A-${1001 + index}`,
      serial: meter.serial,
      mode: index % 4 === 3 ? 'postpaid' : 'prepaid',
    }));
}

/** The company that the simulated meters belong to. */
export function demoFleet(world: MeterWorld, { publicKey }: { publicKey: Uint8Array }): Fleet {
  const accounts = demoAccounts(world);
  return {
    company: demoCompany,
    edges: [
      {
        name: demoEdge,
        publicKeys: [publicKey],
        buses: world.buses.map(({ host, port }, index) => ({
          name: `bus ${index + 1}`,
          address: { kind: 'tcp', host, port },
          pollIntervalMs,
        })),
      },
    ],
    servicePoints: accounts.map(({ number }) => ({ name: `home ${number}`, timeZone: zone })),
    meters: world.buses.flatMap((bus, busIndex) =>
      bus.meters.map((meter) => ({
        serial: meter.serial,
        edge: demoEdge,
        servicePoint: servicePointOf(accounts, meter.serial),
        bus: { name: `bus ${busIndex + 1}`, unitId: meter.unitId },
        mapName: meter.mapName,
        powerMaxW,
        registerModulusWh: null,
        contactor: { unitId: meter.contactorUnitId, coil: 0, limiterRegister: 0 },
      })),
    ),
    customers: accounts.map(({ number }) => ({
      name: `Customer ${number}`,
      accounts: [{ number, currency: 'EUR' }],
    })),
    tariffs: [
      {
        name: 'household',
        currency: 'EUR',
        versions: [{ validFromMs: 0, document: householdTariff }],
      },
    ],
    agreements: accounts.map(({ number, mode }) => ({
      account: number,
      servicePoint: `home ${number}`,
      tariff: 'household',
      mode,
      validFromMs: 0,
      validToMs: null,
      balanceLimitMicros: mode === 'prepaid' ? 0n : -1_000_000_000n,
      reconnectMicros: mode === 'prepaid' ? 500_000n : -999_999_999n,
    })),
  };
}

function servicePointOf(accounts: readonly DemoAccount[], serial: string): string {
  const account = accounts.find((each) => each.serial === serial);
  if (account === undefined) throw new Error(`meter ${serial} has an account`);
  return `home ${account.number}`;
}
