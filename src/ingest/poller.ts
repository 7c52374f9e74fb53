import type { BusPlan } from '../db/busPlans.ts';
import type { BusClock } from '../devices/busClock.ts';
import { openBus } from '../devices/modbusBus.ts';
import type { Bus, BusOptions, BusStats, ReadRefusal } from '../devices/modbusBus.ts';
import { registerMaps } from '../devices/registerMaps.ts';
import { isRegisterMapName } from '../domain/registerMapName.ts';
import type { RegisterMapName } from '../domain/registerMapName.ts';
import { assert } from '../domain/assert.ts';
import { channels } from '../domain/channel.ts';
import { busesPolledAtOnceMax } from '../domain/limits.ts';
import type { HeadEnd, HeadEndPlace, PolledReading } from './headEnd.ts';

export type PollRefusal = {
  readonly busId: number;
  readonly meterId: number;
  readonly code: ReadRefusal | 'MAP_UNKNOWN';
  readonly message: string;
};

export type PollResult = {
  /** `busy`: the poll before is still running; `paused`: the head-end has no room. */
  readonly state: 'polled' | 'busy' | 'paused';
  readonly readings: number;
  readonly refused: readonly PollRefusal[];
};

export type PollerOptions = {
  readonly plans: readonly BusPlan[];
  readonly headEnd: HeadEnd;
  readonly clock: BusClock;
  /** For every line of this process, where it differs from what the devices need. */
  readonly lineOptions?: Pick<BusOptions, 'gapMs' | 'responseMsMax' | 'registerPace'>;
};

export type Poller = {
  /** Reads every meter of a bus, one request at a time; the readings leave as one batch. */
  poll(busId: number): Promise<PollResult>;
  busOf(busId: number): Bus | undefined;
  /** From the next poll on the meters of known buses are these: one is exchanged for another. */
  replan(plans: readonly BusPlan[]): void;
  stats(): ReadonlyMap<number, BusStats & { readonly polls: number; readonly skipped: number }>;
  close(): Promise<void>;
};

/** What a queue of poll jobs gives; the poller neither knows nor needs more of it. */
export type PollSchedule = {
  schedule(id: string, everyMs: number, payload: { busId: number }): Promise<void>;
  keepSchedules(ids: ReadonlySet<string>): Promise<void>;
  work(
    handle: (payload: { busId: number }) => Promise<void>,
    options: { concurrency: number },
  ): Promise<void>;
};

type Polled = { plan: BusPlan; readonly bus: Bus; polls: number; skipped: number };
type PlannedMeter = BusPlan['meters'][number];
type BusReadings = {
  readonly readings: readonly PolledReading[];
  readonly refused: readonly PollRefusal[];
};

/** The billed and shown channels that the meter's model has. */
function channelsOf(mapName: RegisterMapName) {
  const known = new Set(registerMaps[mapName].registers.map(({ channel }) => channel));
  const wanted = [...known].flatMap((obis) => {
    const channel = channels.find((each) => each.obis === obis);
    return channel === undefined ? [] : [{ obis, channel }];
  });
  return wanted.toSorted((a, b) => a.channel.code - b.channel.code);
}

export function createPoller({ plans, headEnd, clock, lineOptions }: PollerOptions): Poller {
  const buses = new Map<number, Polled>(
    plans.map((plan) => {
      const bus = openBus({ address: plan.address, clock, ...lineOptions });
      return [plan.busId, { plan, bus, polls: 0, skipped: 0 }];
    }),
  );
  const running = new Map<number, Promise<PollResult>>();
  let closed = false;

  async function readMeter(
    { plan, bus }: Polled,
    meter: PlannedMeter,
  ): Promise<readonly PolledReading[] | PollRefusal> {
    const { busId } = plan;
    const { meterId, unitId, mapName } = meter;
    if (!isRegisterMapName(mapName)) {
      const message = `Meter ${meter.serial} has the unknown register map "${mapName}".`;
      return { busId, meterId, code: 'MAP_UNKNOWN', message };
    }
    const wanted = channelsOf(mapName);
    const read = await bus.read({ unitId, mapName, channels: wanted.map(({ obis }) => obis) });
    if (!read.ok) return { busId, meterId, code: read.code, message: read.message };
    return read.value.map((sample) => {
      const asked = wanted.find(({ obis }) => obis === sample.channel);
      assert(asked !== undefined, 'a bus answers what it was asked');
      const { readAtMs, valueInUnit: value } = sample;
      return { meterId, channel: asked.channel, readAtMs: Math.floor(readAtMs), value };
    });
  }

  async function pollBus(polled: Polled, place: HeadEndPlace): Promise<PollResult> {
    const { readings, refused } = await readMeters(polled).catch((error: unknown) => {
      place.release();
      throw error;
    });
    polled.polls += 1;
    if (readings.length === 0) place.release();
    else place.submit(readings);
    return { state: 'polled', readings: readings.length, refused };
  }

  async function readMeters(polled: Polled): Promise<BusReadings> {
    const readings: PolledReading[] = [];
    const refused: PollRefusal[] = [];
    for (const meter of polled.plan.meters) {
      if (closed) break;
      const read = await readMeter(polled, meter);
      if ('code' in read) refused.push(read);
      else readings.push(...read);
    }
    return { readings, refused };
  }

  function skip(polled: Polled, state: 'busy' | 'paused'): Promise<PollResult> {
    polled.skipped += 1;
    return Promise.resolve({ state, readings: 0, refused: [] });
  }

  return {
    poll(busId) {
      const polled = buses.get(busId);
      assert(polled !== undefined, 'a process polls the buses that it has opened');
      if (running.has(busId)) return skip(polled, 'busy');
      const place = closed ? null : headEnd.reserve();
      if (place === null) return skip(polled, 'paused');
      const poll = pollBus(polled, place).finally(() => running.delete(busId));
      running.set(busId, poll);
      return poll;
    },
    busOf: (busId) => buses.get(busId)?.bus,
    replan(fresh) {
      for (const plan of fresh) {
        const polled = buses.get(plan.busId);
        if (polled !== undefined) polled.plan = plan;
      }
    },
    stats: () =>
      new Map(
        [...buses].map(([busId, { bus, polls, skipped }]) => [
          busId,
          { ...bus.stats(), polls, skipped },
        ]),
      ),
    async close() {
      closed = true;
      await Promise.all([...buses.values()].map(({ bus }) => bus.close()));
      await Promise.allSettled(running.values());
    },
  };
}

/** A schedule a bus, kept by the queue over restarts; one of a bus that has gone is removed. */
export async function startPolling(
  poller: Poller,
  plans: readonly BusPlan[],
  queue: PollSchedule,
  onPolled: (busId: number, result: PollResult) => void,
): Promise<void> {
  const known = new Set(plans.map(({ busId }) => busId));
  await queue.keepSchedules(new Set(plans.map(({ busId }) => `bus-${busId}`)));
  const concurrency = Math.max(1, Math.min(busesPolledAtOnceMax, plans.length));
  const handle = async ({ busId }: { busId: number }): Promise<void> => {
    // A beat that was queued before its bus was taken from the fleet.
    if (known.has(busId)) onPolled(busId, await poller.poll(busId));
  };
  await queue.work(handle, { concurrency });
  for (const { busId, pollIntervalMs } of plans) {
    await queue.schedule(`bus-${busId}`, pollIntervalMs, { busId });
  }
}
