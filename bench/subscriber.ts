import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createClient } from 'graphql-ws';
import type { Client } from 'graphql-ws';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { assert } from '../src/domain/assert.ts';
import { channelOf, importChannel } from '../src/domain/channel.ts';
import { subscriptionsPerConnectionMax } from '../src/domain/limits.ts';
import { openHouse } from './house.ts';
import type { House } from './house.ts';
import type { Place } from './place.ts';
import { registerWhOf } from './readings.ts';
import { shown } from './sideBySide.ts';
import type { Result } from './sideBySide.ts';

export type SubscriberSize = {
  /** Each is read once a second. */
  meters: number;
  watched: number;
  warmUpMs: number;
  measuredMs: number;
};

export const subscriberSizes: readonly SubscriberSize[] = [
  { meters: 200, watched: 200, warmUpMs: 4_000, measuredMs: 15_000 },
  { meters: 10_000, watched: 200, warmUpMs: 4_000, measuredMs: 15_000 },
];

/** A poll's answers come in so often, each with its share of the meters. */
const tickMs = 50;
const ticksPerSecond = 1_000 / tickMs;
/** An event that takes longer is lost. */
const drainMsMax = 120_000;

const document = `subscription ($meterId: ID!) {
  meterConsumption(meterId: $meterId) {
    __typename
    ... on MeterConsumption { readAt register { wattHours } balance { amount currency } }
  }
}`;

const eventShape = z.object({
  meterConsumption: z.discriminatedUnion('__typename', [
    z.object({ __typename: z.enum(['MeterSnapshot', 'StreamProgress', 'StreamGap']) }),
    z.object({ __typename: z.literal('MeterConsumption'), readAt: z.string() }),
  ]),
});

/** A reading of a watched meter that no event has told of yet. */
type Underway = { readonly readAtMs: number; readonly dueMs: number; readonly isCounted: boolean };

type Watch = { readonly index: number; underway: Underway[]; isOpen: boolean };

export type Watches = {
  readonly byMeter: ReadonlyMap<number, Watch>;
  readonly latenciesMs: number[];
  readonly clients: readonly Client[];
  readonly failures: readonly string[];
};

/** One event may tell of several readings: whatever is not newer than its instant has arrived. */
function arrive(watch: Watch, readAtMs: number, latenciesMs: number[]): void {
  const nowMs = performance.now();
  for (const each of watch.underway) {
    if (each.readAtMs <= readAtMs && each.isCounted) latenciesMs.push(nowMs - each.dueMs);
  }
  watch.underway = watch.underway.filter((each) => each.readAtMs > readAtMs);
}

export function subscribe(house: House, watched: number): Watches {
  const latenciesMs: number[] = [];
  const byMeter = new Map<number, Watch>();
  const clients: Client[] = [];
  const failures: string[] = [];
  for (const [index, meterId] of house.meterIds.slice(0, watched).entries()) {
    if (index % subscriptionsPerConnectionMax === 0) {
      clients.push(
        createClient({
          url: house.url,
          webSocketImpl: WebSocket,
          connectionParams: { token: house.token },
          retryAttempts: 0,
        }),
      );
    }
    const watch: Watch = { index, underway: [], isOpen: false };
    byMeter.set(meterId, watch);
    const id = Buffer.from(`Meter:${meterId}`).toString('base64url');
    clients.at(-1)?.subscribe(
      { query: document, variables: { meterId: id } },
      {
        next: (message) => {
          watch.isOpen = true;
          const { meterConsumption } = eventShape.parse(message.data);
          if (meterConsumption.__typename === 'MeterConsumption') {
            arrive(watch, Date.parse(meterConsumption.readAt), latenciesMs);
          }
        },
        error: (error) => {
          failures.push(error instanceof Error ? error.message : inspect(error, { depth: 3 }));
        },
        complete: () => {},
      },
    );
  }
  return { byMeter, latenciesMs, clients, failures };
}

export async function until(
  { byMeter, failures }: Watches,
  condition: (watch: Watch) => boolean,
  what: string,
): Promise<void> {
  const deadlineMs = performance.now() + drainMsMax;
  const watches = [...byMeter.values()];
  while (!watches.every(condition)) {
    assert(failures.length === 0, `no subscription fails: ${failures[0]}`);
    assert(performance.now() < deadlineMs, `within ${drainMsMax} ms ${what}`);
    await delay(5);
  }
}

/**
 * Hands in readings at the pace of the clock, not of the answers: what is late because the process
 * was busy counts as late. Returns how many readings of watched meters count.
 */
async function feed(house: House, { byMeter }: Watches, size: SubscriberSize): Promise<number> {
  const channel = channelOf(importChannel);
  assert(channel !== null, 'the import channel is known');
  const ticks = Math.floor((size.warmUpMs + size.measuredMs) / tickMs);
  const startMs = performance.now();
  let counted = 0;
  for (let tick = 0; tick < ticks; tick += 1) {
    const dueMs = startMs + tick * tickMs;
    await delay(Math.max(0, dueMs - performance.now()));
    const readAtMs = Date.now();
    const isCounted = tick * tickMs >= size.warmUpMs;
    const second = Math.floor(tick / ticksPerSecond);
    const indexes: number[] = [];
    for (let index = tick % ticksPerSecond; index < size.meters; index += ticksPerSecond) {
      indexes.push(index);
    }
    const place = house.headEnd.reserve();
    assert(place !== null, 'the head-end keeps up with what is offered');
    place.submit(
      indexes.map((index) => {
        const meterId = house.meterIds[index];
        byMeter.get(meterId)?.underway.push({ readAtMs, dueMs, isCounted });
        if (isCounted && byMeter.has(meterId)) counted += 1;
        return { meterId, channel, readAtMs, value: BigInt(registerWhOf(0, second)) };
      }),
    );
  }
  return counted;
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The meter's answer, in the head-end's hands, to the event at a GraphQL subscriber. */
async function subscriberAt(place: Place, size: SubscriberSize): Promise<Result[]> {
  const house = await openHouse(place, { name: `subscriber_${size.meters}`, meters: size.meters });
  const watches = subscribe(house, size.watched);
  try {
    await until(watches, ({ isOpen }) => isOpen, 'every subscription sends its snapshot');
    const counted = await feed(house, watches, size);
    await until(watches, ({ underway }) => underway.length === 0, 'every event arrives');
    assert(house.problems.length === 0, `nothing is refused or repeated: ${house.problems[0]}`);
    assert(watches.latenciesMs.length === counted, 'every reading is told once');
    const sorted = watches.latenciesMs.toSorted((a, b) => a - b);
    const verified = `${counted} readings of ${size.watched} meters, each told once`;
    const blank = { against: null, againstName: null, ratio: null, ratioMin: null, ratioMax: null };
    const name = `answer to subscriber at ${shown(size.meters)}/s`;
    const line = { ...blank, unit: 'ms', verified };
    place.onProgress(`${name}  worst ${shown(sorted.at(-1) ?? Number.NaN)} ms`);
    return [
      { ...line, name: `${name}, p50`, value: percentile(sorted, 0.5), target: null },
      { ...line, name: `${name}, p99`, value: percentile(sorted, 0.99), target: 500 },
    ];
  } finally {
    for (const client of watches.clients) await client.dispose();
    await house.close();
  }
}

export async function subscriber(
  place: Place,
  sizes: readonly SubscriberSize[],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const size of sizes) results.push(...(await subscriberAt(place, size)));
  return results;
}
