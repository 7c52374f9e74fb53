import { Agent } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { assert } from '../src/domain/assert.ts';
import { importChannel } from '../src/domain/channel.ts';
import { openHouse } from './house.ts';
import type { House } from './house.ts';
import type { Place } from './place.ts';
import { post } from './post.ts';
import { registerWhOf } from './readings.ts';
import { shown } from './sideBySide.ts';
import type { Result } from './sideBySide.ts';
import { percentile, subscribe, until } from './subscriber.ts';
import type { Watches } from './subscriber.ts';

export type IngestSteadySize = {
  readonly meters: number;
  /** Each meter is read so often. */
  readonly periodMs: number;
  readonly watched: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
};

/**
 * 10,000 meters of gateways that send a batch every 50 ms: read every five seconds, as live reads
 * are, and ten times as often.
 */
export const ingestSteadySizes: readonly IngestSteadySize[] = [5_000, 500].map((periodMs) => ({
  meters: 10_000,
  periodMs,
  watched: 200,
  warmUpMs: 5_000,
  measuredMs: 30_000,
}));

const tickMs = 50;

type Sent = { readonly receiptsMs: readonly number[]; readonly counted: number };

/** At the pace of the clock, not of the answers: whatever comes late for any reason is late. */
async function feed(house: House, { byMeter }: Watches, size: IngestSteadySize): Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const headers = { 'content-type': 'application/x-protobuf' };
  const batches = { agent, url: `${house.intakeUrl}/v1/batches`, headers };
  const receiptsMs: number[] = [];
  const answers: Promise<void>[] = [];
  const ticks = Math.floor((size.warmUpMs + size.measuredMs) / tickMs);
  const parts = size.periodMs / tickMs;
  const startMs = performance.now();
  let counted = 0;
  for (let tick = 0; tick < ticks; tick += 1) {
    const dueMs = startMs + tick * tickMs;
    await delay(Math.max(0, dueMs - performance.now()));
    const readAtMs = Date.now();
    const isCounted = tick * tickMs >= size.warmUpMs;
    const indexes: number[] = [];
    for (let index = tick % parts; index < size.meters; index += parts) indexes.push(index);
    for (const index of indexes) {
      const watch = byMeter.get(house.meterIds[index]);
      watch?.underway.push({ readAtMs, dueMs, isCounted });
      if (isCounted && watch !== undefined) counted += 1;
    }
    const step = Math.floor(tick / parts);
    const carried = house.gateway.sign([
      {
        channel: importChannel,
        unit: 30,
        scaler: 0,
        meterId: Int32Array.from(indexes, (index) => house.meterIds[index]),
        readAtMs: new Float64Array(indexes.length).fill(readAtMs),
        value: BigInt64Array.from(indexes, () => BigInt(registerWhOf(0, step))),
        quality: new Uint8Array(indexes.length),
      },
    ]);
    answers.push(
      post(batches, carried).then((status) => {
        assert(status === 200, `every batch is committed, not answered with ${status}`);
        if (isCounted) receiptsMs.push(performance.now() - dueMs);
      }),
    );
  }
  await Promise.all(answers);
  agent.destroy();
  return { receiptsMs: receiptsMs.toSorted((a, b) => a - b), counted };
}

type Fed = {
  readonly receiptsMs: readonly number[];
  readonly eventsMs: readonly number[];
  readonly verified: string;
};

/** Signed batches over HTTP at a steady pace, each to its receipt and to the balance's event. */
export async function feedSteadily(place: Place, size: IngestSteadySize): Promise<Fed> {
  const name = `ingest_steady_${size.periodMs}`;
  const house = await openHouse(place, { name, meters: size.meters });
  const watches = subscribe(house, size.watched);
  try {
    await until(watches, ({ isOpen }) => isOpen, 'every subscription sends its snapshot');
    const { receiptsMs, counted } = await feed(house, watches, size);
    await until(watches, ({ underway }) => underway.length === 0, 'every event arrives');
    assert(house.problems.length === 0, `nothing is refused or repeated: ${house.problems[0]}`);
    assert(watches.latenciesMs.length === counted, 'every reading is told once');
    const verified =
      `${receiptsMs.length} batches with a receipt each, ` +
      `${counted} readings of ${size.watched} meters, each told once`;
    return { receiptsMs, eventsMs: watches.latenciesMs.toSorted((a, b) => a - b), verified };
  } finally {
    for (const client of watches.clients) await client.dispose();
    await house.close();
  }
}

export function paceOf({ meters, periodMs }: IngestSteadySize): string {
  return `${shown((meters * 1_000) / periodMs)}/s`;
}

async function atOnePace(place: Place, size: IngestSteadySize): Promise<Result[]> {
  const { receiptsMs, eventsMs, verified } = await feedSteadily(place, size);
  const blank = { against: null, againstName: null, ratio: null, ratioMin: null, ratioMax: null };
  return [
    { name: 'receipt, p50', sorted: receiptsMs, share: 0.5, target: null },
    { name: 'receipt, p99', sorted: receiptsMs, share: 0.99, target: null },
    { name: 'balance event, p50', sorted: eventsMs, share: 0.5, target: null },
    { name: 'balance event, p99', sorted: eventsMs, share: 0.99, target: 500 },
  ].map(({ name, sorted, share, target }) => ({
    ...blank,
    name: `reading to ${name}, at ${paceOf(size)}`,
    value: percentile(sorted, share),
    unit: 'ms',
    target,
    verified,
  }));
}

export async function ingestSteady(
  place: Place,
  sizes: readonly IngestSteadySize[],
): Promise<Result[]> {
  const results: Result[] = [];
  for (const size of sizes) results.push(...(await atOnePace(place, size)));
  return results;
}
