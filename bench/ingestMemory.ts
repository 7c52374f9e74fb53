import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assert } from '../src/domain/assert.ts';
import { feedSteadily, paceOf } from './ingestSteady.ts';
import type { IngestSteadySize } from './ingestSteady.ts';
import type { Place } from './place.ts';
import type { Result } from './sideBySide.ts';

/** The pace of `ingest-steady`; the memory of a process takes a minute or two to find its level. */
export const ingestMemorySize: IngestSteadySize = {
  meters: 10_000,
  periodMs: 500,
  watched: 200,
  warmUpMs: 120_000,
  measuredMs: 240_000,
};

const sampleMs = 5_000;
const mib = 1_048_576;

type Sample = { readonly atMs: number; readonly rssMb: number; readonly heldMb: number };

/** A collection on demand, in a process that was not started with `--expose-gc`. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert(typeof collect === 'function', 'V8 gives its collector');
  return () => void collect();
}

function sampleNow(collect: () => void): Sample {
  const { rss } = process.memoryUsage();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return { atMs: performance.now(), rssMb: rss / mib, heldMb: (heapUsed + external) / mib };
}

/** Of the straight line of least squares: one high sample at an end is no growth. */
function slopePerMinute(samples: readonly { atMs: number; mb: number }[]): number {
  const meanAt = samples.reduce((sum, { atMs }) => sum + atMs, 0) / samples.length;
  const meanMb = samples.reduce((sum, { mb }) => sum + mb, 0) / samples.length;
  let product = 0;
  let square = 0;
  for (const { atMs, mb } of samples) {
    product += (atMs - meanAt) * (mb - meanMb);
    square += (atMs - meanAt) ** 2;
  }
  return (product / square) * 60_000;
}

/** Whether memory stays level under the steady load: all roles, and the senders, in one process. */
export async function ingestMemory(place: Place, size: IngestSteadySize): Promise<Result[]> {
  const collect = collector();
  const samples: Sample[] = [];
  const startMs = performance.now();
  const timer = setInterval(() => {
    const sample = sampleNow(collect);
    samples.push(sample);
    const { atMs, rssMb, heldMb } = sample;
    const seconds = ((atMs - startMs) / 1_000).toFixed(0);
    place.onProgress(`${seconds} s  ${rssMb.toFixed(0)} MB, of it held ${heldMb.toFixed(0)} MB`);
  }, sampleMs);
  const { verified } = await feedSteadily(place, size).finally(() => clearInterval(timer));
  const fromMs = startMs + size.warmUpMs;
  const level = samples.filter(({ atMs }) => atMs >= fromMs);
  assert(level.length > 1, 'memory was sampled after the warm-up');
  const grown = (mbOf: (sample: Sample) => number) =>
    slopePerMinute(level.map((sample) => ({ atMs: sample.atMs, mb: mbOf(sample) })));
  const pace = paceOf(size);
  const blank = { against: null, againstName: null, ratio: null, ratioMin: null, ratioMax: null };
  const line = {
    ...blank,
    verified: `${level.length} samples, held after a collection; ${verified}`,
  };
  const most = Math.max(...samples.map(({ rssMb }) => rssMb));
  return [
    { name: 'memory, most', value: most, unit: 'MB', target: 1_536 },
    { name: 'memory, slope', value: grown(({ rssMb }) => rssMb), unit: 'MB/min', target: 1 },
    {
      name: 'objects held, slope',
      value: grown(({ heldMb }) => heldMb),
      unit: 'MB/min',
      target: 1,
    },
  ].map((result) => ({ ...line, ...result, name: `${result.name}, at ${pace}` }));
}
