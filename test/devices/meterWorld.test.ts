import { afterEach, describe, expect, test } from 'vitest';
import { openBus } from '../../src/devices/modbusBus.ts';
import { householdLoad, integrateMj } from '../../src/embedded/meterWorldLoad.ts';
import { startMeterWorld } from '../../src/embedded/meterWorld.ts';
import type { MeterWorld } from '../../src/embedded/meterWorld.ts';
import { pushedClock } from './field.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function start(options: Partial<Parameters<typeof startMeterWorld>[0]> = {}) {
  const clock = pushedClock();
  const base = { meters: 6, metersPerBus: 3, seed: 7, clock, timeScale: 1 };
  const world = await startMeterWorld({ ...base, ...options });
  open.push(world);
  return { world, clock };
}

function busOf(world: MeterWorld, index: number, clock: ReturnType<typeof pushedClock>) {
  const { host, port } = world.buses[index] ?? { host: '', port: 0 };
  const bus = openBus({ address: { kind: 'tcp', host, port }, clock, gapMs: 0 });
  open.unshift(bus);
  return bus;
}

describe('the household load', () => {
  const load = householdLoad({ seed: 3, timeZone: 'Africa/Nairobi' });
  const midnightMs = Date.UTC(2026, 10, 20, 21); // 00:00 in Nairobi, UTC+3 all year
  const hour = (at: number) => {
    const fromMs = midnightMs + at * 3_600_000;
    let sum = 0n;
    for (let meterIndex = 0; meterIndex < 100; meterIndex += 1) {
      sum += integrateMj(load, { meterIndex, fromMs, toMs: fromMs + 3_600_000 });
    }
    return Number(sum / 3_600_000n) / 100; // Wh in this hour, mean of 100 meters
  };

  test('peaks in the local morning and evening and rests at night', () => {
    expect(hour(7)).toBeGreaterThan(3 * hour(3));
    expect(hour(19)).toBeGreaterThan(4 * hour(3));
    expect(hour(19)).toBeGreaterThan(hour(13));
  });

  test('is that of a home: 5 to 40 kWh a day', () => {
    const dayWh = Array.from({ length: 24 }, (_, at) => hour(at)).reduce((a, b) => a + b, 0);
    expect(dayWh).toBeGreaterThan(5_000);
    expect(dayWh).toBeLessThan(40_000);
  });

  test('gives the same energy however often it is looked at', () => {
    const span = { meterIndex: 5, fromMs: midnightMs + 123, toMs: midnightMs + 7_654_321 };
    let parts = 0n;
    for (let atMs = span.fromMs; atMs < span.toMs; atMs += 777) {
      const toMs = Math.min(span.toMs, atMs + 777);
      parts += integrateMj(load, { meterIndex: 5, fromMs: atMs, toMs });
    }
    expect(parts).toBe(integrateMj(load, span));
  });
});

describe('the simulated world', () => {
  test('every model is read over the wire to the resolution of its registers', async () => {
    const mapNames = ['sdm630', 'iem3000', 'em24'] as const;
    const { world, clock } = await start({ loadShape: 'driven', mapNames });
    const bus = busOf(world, 0, clock);
    const seen = [];
    for (const { unitId, mapName } of world.buses[0]?.meters ?? []) {
      world.setRegisterWh(0, unitId, 123_456_789n);
      world.setPowerW(0, unitId, 4_321);
      const read = await bus.read({ unitId, mapName, channels: ['1.8.0', '2.8.0', '16.7.0'] });
      const values = read.ok ? read.value.map((one) => [one.channel, one.valueInUnit]) : [];
      seen.push([mapName, Object.fromEntries(values)]);
    }
    expect(seen).toEqual([
      // The nearest binary32 to 123456.789 is 123456.7890625 (steps of 2^-7).
      ['sdm630', { '1.8.0': 123_456_789n, '2.8.0': 0n, '16.7.0': 4_321n }],
      ['iem3000', { '1.8.0': 123_456_789n, '2.8.0': 0n, '16.7.0': 4_321n }],
      ['em24', { '1.8.0': 123_456_700n, '2.8.0': 0n, '16.7.0': 4_321n }],
    ]);
  });

  test('energy runs at the time scale, never back, and stands while supply is cut', async () => {
    const { world, clock } = await start({ timeScale: 60, mapNames: ['iem3000'] });
    const bus = busOf(world, 0, clock);
    const before = world.registerWh(0, 1);
    clock.push(3_600_000);
    const after = world.registerWh(0, 1);
    // At least the standby of 120 W x 0.5 x 0.75 for 60 hours' worth: 2.7 kWh.
    expect(after - before).toBeGreaterThan(2_700n);
    clock.push(-7_200_000);
    expect(world.registerWh(0, 1)).toBe(after);
    clock.push(7_200_000);
    expect(await bus.writeCoil(101, 0, false)).toMatchObject({ ok: true });
    const stood = world.registerWh(0, 1);
    clock.push(3_600_000);
    expect(world.registerWh(0, 1)).toBe(stood);
    const power = await bus.read({ unitId: 1, mapName: 'iem3000', channels: ['16.7.0'] });
    expect(power).toMatchObject({ value: [{ valueInUnit: 0n }] });
  });

  test('a second start goes on where the first one stopped', async () => {
    const first = await start();
    const bus = busOf(first.world, 1, first.clock);
    await bus.writeCoil(102, 0, false);
    first.clock.push(600_000);
    const saved = JSON.stringify(first.world.snapshot());
    const second = await start({ startState: JSON.parse(saved), loadShape: 'driven' });
    const registers = (world: MeterWorld) => [1, 2, 3].map((unit) => world.registerWh(1, unit));
    expect(registers(second.world)).toEqual(registers((await restored(saved)).world));
    expect(second.world.isSupplyClosed(1, 2)).toBe(false);
    expect(second.world.isSupplyClosed(1, 1)).toBe(true);
    expect(second.world.registerWh(1, 1)).toBeGreaterThan(500_000n);
  });

  async function restored(saved: string) {
    return start({ startState: JSON.parse(saved), loadShape: 'driven' });
  }

  test('saved registers that cannot be read are refused and nothing is started', async () => {
    const startState = { version: 1, meters: [{ serial: 'JB000001', importMj: '-1' }] };
    await expect(start({ startState })).rejects.toThrow('METER_WORLD_STATE_MALFORMED');
  });

  test('a taken port is an error and leaves no server behind', async () => {
    const { world } = await start();
    const taken = world.buses[1]?.port ?? 0;
    await expect(start({ ports: { first: taken - 1 } })).rejects.toThrow('EADDRINUSE');
    // The bus before the taken one was closed again: its port can be had.
    const alone = await start({ meters: 3, ports: { first: taken - 1 } }).catch(() => null);
    expect(alone === null || alone.world.buses.length === 1).toBe(true);
  });

  test('the same seed makes the same meters', async () => {
    const clock = { nowMs: () => 1_790_000_000_000 };
    const [one, two] = [await start({ clock }), await start({ clock })];
    expect(one.world.snapshot()).toEqual(two.world.snapshot());
    const other = await start({ clock, seed: 8 });
    expect(other.world.snapshot()).not.toEqual(one.world.snapshot());
  });

  test('200 meters come as several to a bus, with mixed models', async () => {
    const { world } = await start({ meters: 200, metersPerBus: 10 });
    expect(world.buses).toHaveLength(20);
    const meters = world.buses.flatMap((bus) => bus.meters);
    expect(new Set(meters.map((meter) => meter.serial)).size).toBe(200);
    expect(new Set(meters.map((meter) => meter.mapName)).size).toBe(3);
  });
});
