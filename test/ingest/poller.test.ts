import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BusPlan } from '../../src/db/busPlans.ts';
import { startMeterWorld } from '../../src/embedded/meterWorld.ts';
import type { MeterWorld } from '../../src/embedded/meterWorld.ts';
import type { HeadEnd, PolledReading } from '../../src/ingest/headEnd.ts';
import { createPoller, startPolling } from '../../src/ingest/poller.ts';
import type { Poller, PollSchedule } from '../../src/ingest/poller.ts';
import { pushedClock } from '../devices/field.ts';

let world: MeterWorld;
let poller: Poller;
let plans: readonly BusPlan[];
let places: number;
let submitted: (readonly PolledReading[])[];

/** The poller's side of a head-end; the real one is under test in headEnd.test.ts. */
const headEnd: HeadEnd = {
  reserve() {
    if (places === 0) return null;
    places -= 1;
    return {
      submit: (readings) => void submitted.push(readings),
      release: () => void (places += 1),
    };
  },
  stats: () => ({ pending: 0, committed: 0, failures: 0 }),
  stop: () => Promise.resolve(),
};

beforeEach(async () => {
  const clock = pushedClock();
  places = 8;
  submitted = [];
  world = await startMeterWorld({
    meters: 4,
    metersPerBus: 2,
    seed: 1,
    clock,
    timeScale: 1,
    loadShape: 'driven',
    mapNames: ['sdm630', 'em24'],
  });
  plans = world.buses.map(({ host, port, meters }, index) => ({
    busId: index + 1,
    name: `bus ${index + 1}`,
    address: { kind: 'tcp', host, port },
    pollIntervalMs: 1_000,
    meters: meters.map(({ unitId, mapName, serial }) => ({
      meterId: (index + 1) * 10 + unitId,
      serial,
      unitId,
      mapName,
    })),
  }));
  const lineOptions = { gapMs: 0, responseMsMax: 80 };
  poller = createPoller({ plans, headEnd, clock, lineOptions });
});
afterEach(async () => {
  await poller.close();
  await world.close();
});

function importsOf(readings: readonly PolledReading[]): readonly [number, bigint][] {
  return readings
    .filter(({ channel }) => channel.obis === '1.8.0')
    .map(({ meterId, value }) => [meterId, value]);
}

describe('the poller (000.18)', () => {
  test('reads every meter of a bus in its own unit and hands on one batch', async () => {
    world.setRegisterWh(0, 1, 1_500n);
    world.setRegisterWh(0, 2, 2_000n);
    world.setPowerW(0, 2, 2_300);
    expect(await poller.poll(1)).toEqual({ state: 'polled', readings: 6, refused: [] });
    expect(submitted).toHaveLength(1);
    expect(importsOf(submitted[0] ?? [])).toEqual([
      [11, 1_500n],
      [12, 2_000n],
    ]);
    const power = submitted[0]?.find(
      ({ meterId, channel }) => meterId === 12 && channel.code === 16,
    );
    expect(power?.value).toBe(2_300n);
  });

  test('a meter that was exchanged is read under its new name from the next poll on', async () => {
    world.setRegisterWh(0, 1, 1_500n);
    await poller.poll(1);
    const [first, ...others] = plans;
    const meters = first.meters.map((meter) =>
      meter.unitId === 1 ? { ...meter, meterId: 99, serial: 'new' } : meter,
    );
    poller.replan([{ ...first, meters }, ...others]);
    await poller.poll(1);
    expect(importsOf(submitted[0]).map(([meterId]) => meterId)).toEqual([11, 12]);
    expect(importsOf(submitted[1]).map(([meterId]) => meterId)).toEqual([99, 12]);
  });

  test.each([
    ['is silent', { kind: 'silent' }],
    ['answers garbage', { kind: 'garbage' }],
    ['closes the connection', { kind: 'closes' }],
    ['answers late', { kind: 'late', delayMs: 200 }],
  ] as const)('a meter that %s costs its neighbour nothing', async (_, fault) => {
    world.setRegisterWh(0, 2, 7_000n);
    world.setFault(0, 1, fault);
    const polled = await poller.poll(1);
    expect(polled.refused.map(({ meterId }) => meterId)).toEqual([11]);
    expect(importsOf(submitted[0] ?? [])).toEqual([[12, 7_000n]]);
  });

  test('a register that shows more than any counts costs its neighbour nothing', async () => {
    world.setRegisterWh(0, 1, 2n ** 63n);
    world.setRegisterWh(0, 2, 7_000n);
    const { refused } = await poller.poll(1);
    expect(refused).toMatchObject([{ meterId: 11, code: 'VALUE_IMPLAUSIBLE' }]);
    expect(importsOf(submitted[0] ?? [])).toEqual([[12, 7_000n]]);
  });

  test('a poll that still runs is not begun twice, another bus does not wait', async () => {
    world.setFault(0, 1, { kind: 'silent' });
    const slow = poller.poll(1);
    expect(await poller.poll(1)).toMatchObject({ state: 'busy' });
    expect(await poller.poll(2)).toMatchObject({ state: 'polled', readings: 6 });
    expect(await slow).toMatchObject({ state: 'polled', readings: 3 });
    expect(poller.stats().get(1)).toMatchObject({ polls: 1, skipped: 1 });
  });

  test('polls pause while the head-end has no room', async () => {
    places = 0;
    expect(await poller.poll(1)).toEqual({ state: 'paused', readings: 0, refused: [] });
    expect(submitted).toEqual([]);
  });

  test('a poll has its place before it begins, and gives back what it does not need', async () => {
    places = 1;
    world.setFault(0, 1, { kind: 'silent' });
    world.setFault(0, 2, { kind: 'silent' });
    const first = poller.poll(1);
    expect(await poller.poll(2)).toMatchObject({ state: 'paused' });
    expect(await first).toMatchObject({ state: 'polled', readings: 0 });
    expect(await poller.poll(2)).toMatchObject({ state: 'polled', readings: 6 });
  });

  test('keeps one schedule a bus and ignores the beat of a bus that has gone', async () => {
    const kept: string[] = [];
    const beats: { busId: number }[] = [];
    let handle: Parameters<PollSchedule['work']>[0] = () => Promise.resolve();
    const queue: PollSchedule = {
      schedule: (_, everyMs, payload) => {
        expect(everyMs).toBe(1_000);
        beats.push(payload);
        return Promise.resolve();
      },
      keepSchedules: (ids) => Promise.resolve(void kept.push(...ids)),
      work: (given) => {
        handle = given;
        return Promise.resolve();
      },
    };
    const onPolled = vi.fn<(busId: number) => void>();
    await startPolling(poller, plans, queue, onPolled);
    expect(kept).toEqual(['bus-1', 'bus-2']);
    expect(beats).toEqual([{ busId: 1 }, { busId: 2 }]);
    await handle({ busId: 2 });
    await handle({ busId: 99 });
    expect(onPolled.mock.calls.map(([busId]) => busId)).toEqual([2]);
  });
});
