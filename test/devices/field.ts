import type { BusClock } from '../../src/devices/busClock.ts';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { openBus } from '../../src/devices/modbusBus.ts';
import type { Bus, BusOptions } from '../../src/devices/modbusBus.ts';
import { startMeterWorld } from '../../src/embedded/meterWorld.ts';
import type { MeterWorld, MeterWorldOptions } from '../../src/embedded/meterWorld.ts';

/** The real clock, which a test may push ahead: back-offs of seconds need no waiting. */
export type PushedClock = BusClock & { push(ms: number): void };

export function pushedClock(): PushedClock {
  const system = systemBusClock();
  let aheadMs = 0;
  return {
    ...system,
    nowMs: () => system.nowMs() + aheadMs,
    random: () => 0,
    push(ms) {
      aheadMs += ms;
    },
  };
}

export const responseMsMax = 120;

export type Field = { world: MeterWorld; bus: Bus; clock: PushedClock; close(): Promise<void> };

/** One bus of hand-driven meters on a real socket, and our session on it. */
export async function openField(
  options: Partial<MeterWorldOptions> = {},
  busOptions: Partial<BusOptions> = {},
): Promise<Field> {
  const clock = pushedClock();
  const world = await startMeterWorld({
    meters: 4,
    metersPerBus: 10,
    seed: 1,
    clock,
    timeScale: 1,
    loadShape: 'driven',
    mapNames: ['int64Wh'],
    ...options,
  });
  const { host, port } = world.buses[0] ?? { host: '', port: 0 };
  const bus = openBus({
    address: { kind: 'tcp', host, port },
    clock,
    gapMs: 0,
    responseMsMax,
    ...busOptions,
  });
  return {
    world,
    bus,
    clock,
    async close() {
      await bus.close();
      await world.close();
    },
  };
}

export function importOf(unitId: number) {
  return { unitId, mapName: 'int64Wh', channels: ['1.8.0'] } as const;
}
