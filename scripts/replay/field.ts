import { systemBusClock } from '../../src/devices/busClock.ts';
import type { BusClock } from '../../src/devices/busClock.ts';
import { openBus } from '../../src/devices/modbusBus.ts';
import type { Bus } from '../../src/devices/modbusBus.ts';
import { startMeterWorld } from '../../src/embedded/meterWorld.ts';
import { mapNameOf } from './registerKind.ts';
import type { RegisterKind } from './registerKind.ts';

/** Some meters behind one address, as on a real line; the lines are polled side by side. */
const metersPerBus = 4;
/** Loopback on a busy machine: patience here costs nothing and harms no figure. */
const responseMsMax = 5_000;
const attemptsMax = 3;

export type FieldMeter = { readonly busIndex: number; readonly unitId: number };
export type FieldReading = {
  readonly meterIndex: number;
  readonly readAtMs: number;
  readonly registerWh: bigint;
};

export type Field = {
  readonly buses: readonly { readonly host: string; readonly port: number }[];
  readonly meters: readonly FieldMeter[];
  /** Sets the registers and reads them back over Modbus; null is a meter that stays silent. */
  poll(registerWh: readonly (bigint | null)[]): Promise<readonly FieldReading[]>;
  close(): Promise<void>;
};

/** Simulated time for stamps and deadlines, real time for waiting, which is only after failures. */
function clockFor(clock: { nowMs(): number }): BusClock {
  return { ...systemBusClock(), nowMs: () => clock.nowMs() };
}

/** Registers stand still during a poll, so asking again after a lost answer gives the same. */
async function readImport(
  bus: Bus,
  { unitId, registers }: { unitId: number; registers: RegisterKind },
) {
  let failure = '';
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const read = await bus.read({ unitId, mapName: mapNameOf[registers], channels: ['1.8.0'] });
    const sample = read.ok ? read.value[0] : undefined;
    if (sample !== undefined) return sample;
    failure = read.ok ? 'the answer is empty' : `${read.code}: ${read.message}`;
  }
  throw new Error(`REPLAY_METER_UNREAD: unit ${unitId} was asked ${attemptsMax} times: ${failure}`);
}

/** Real Modbus TCP servers on loopback, and the buses that read them. */
export async function startField(options: {
  readonly meterCount: number;
  readonly registers: RegisterKind;
  readonly clock: { nowMs(): number };
}): Promise<Field> {
  const { meterCount, registers } = options;
  const clock = clockFor(options.clock);
  const world = await startMeterWorld({
    meters: meterCount,
    metersPerBus,
    seed: 1,
    clock,
    timeScale: 1,
    loadShape: 'driven',
    mapNames: [mapNameOf[registers]],
  });
  const buses = world.buses.map(({ host, port }) =>
    openBus({ address: { kind: 'tcp', host, port }, clock, gapMs: 0, responseMsMax }),
  );
  const meters = world.buses.flatMap((bus, busIndex) =>
    bus.meters.map(({ unitId }): FieldMeter => ({ busIndex, unitId })),
  );
  return {
    buses: world.buses.map(({ host, port }) => ({ host, port })),
    meters,
    async poll(registerWh) {
      const readings = meters.map(
        async ({ busIndex, unitId }, meterIndex): Promise<FieldReading | null> => {
          const standsAtWh = registerWh[meterIndex] ?? null;
          const bus = buses[busIndex];
          if (standsAtWh === null || bus === undefined) return null;
          world.setRegisterWh(busIndex, unitId, standsAtWh);
          const sample = await readImport(bus, { unitId, registers });
          return { meterIndex, readAtMs: sample.readAtMs, registerWh: sample.valueInUnit };
        },
      );
      return (await Promise.all(readings)).filter((reading) => reading !== null);
    },
    async close() {
      await Promise.all(buses.map((bus) => bus.close()));
      await world.close();
    },
  };
}
