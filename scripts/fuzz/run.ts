import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { Format } from './formats.ts';
import { minimise } from './minimise.ts';
import { inputOf, plans, seedsPerCorpus, stretched } from './mutate.ts';
import type { Plan } from './mutate.ts';

/** A parser on the way in. */
export type Target = {
  readonly name: string;
  /** Valid inputs, fresh ones for each chunk of the run. */
  readonly valid: fc.Arbitrary<Uint8Array>;
  readonly format: Format;
  /** Throws, or names the guarantee that does not hold; null when all is well. */
  readonly parse: (input: Uint8Array) => string | null;
  /**
   * Work that any input may cost, and work for each byte, in microseconds: some ten times what is
   * seen on a quiet machine.
   */
  readonly fixedMicros: number;
  readonly microsPerByte: number;
  /** The longest input that the parser is given; longer ones are refused before it. */
  readonly bytesMax: number;
};

export type Finding = {
  readonly kind: 'THREW' | 'WRONG' | 'SLOW' | 'GREW';
  readonly message: string;
  /** The smallest input that was found; null where it is no single input. */
  readonly inputHex: string | null;
  readonly inputBytes: number;
};

export type FuzzReport = {
  readonly target: string;
  readonly inputs: number;
  readonly seconds: number;
  readonly longestMicros: number;
  readonly longestBytes: number;
  /** Of inputs of at least `judgedBytesMin`. */
  readonly microsPerByteMax: number;
  readonly heapGrowthBytes: number;
  readonly finding: Finding | null;
};

export type FuzzOptions = {
  readonly runs: number;
  readonly seed: number;
  readonly onProgress: (done: number) => void;
};

/** So many inputs without a turn of the event loop: the runtime holds 17 kB for each of zlib's. */
const chunkRunsMax = 4_000;
const stretchesPerChunk = 12;
const stretchLengths = [4_096, 65_536, 1_048_576] as const;
/** Below, the clock and the call cost more than the parser. */
const judgedBytesMin = 256;
/** What a garbage-collected heap breathes; a leak of 20 bytes an input shows in a million. */
const heapGrowthBytesMax = 16_000_000;

/** Of this thread's own work: on a busy machine the clock on the wall measures the others. */
function microsOf(target: Target, input: Uint8Array): number {
  const before = process.threadCpuUsage();
  target.parse(input);
  const { user, system } = process.threadCpuUsage(before);
  return user + system;
}

function allowedMicros({ fixedMicros, microsPerByte }: Target, input: Uint8Array): number {
  return fixedMicros + microsPerByte * input.length;
}

/**
 * The collector only ever adds time: the least of several is the parser's. So much more than is
 * allowed that nothing else explains it is not asked for again.
 */
function leastMicrosOf(target: Target, input: Uint8Array, tries: number): number {
  const hopeless = 5 * allowedMicros(target, input);
  let least = Infinity;
  for (let at = 0; at < tries; at += 1) {
    least = Math.min(least, microsOf(target, input));
    if (least > hopeless) break;
  }
  return least;
}

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** The runtime lets go of zlib's memory some turns of the event loop after it was last used. */
async function heapBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn += 1) {
    await nextTurn();
    if (typeof collect === 'function') collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

class Watch {
  readonly target: Target;
  longestMicros = 0;
  longestBytes = 0;
  microsPerByteMax = 0;

  constructor(target: Target) {
    this.target = target;
  }

  /** Why this input cost too much, or null. */
  judge(input: Uint8Array, micros: number): string | null {
    const { target } = this;
    const perByte = micros / input.length;
    const isWorst = input.length >= judgedBytesMin && perByte > this.microsPerByteMax;
    const allowed = allowedMicros(target, input);
    if (micros <= this.longestMicros && !isWorst && micros <= allowed) return null;
    const least = leastMicrosOf(target, input, 4);
    if (least > this.longestMicros) {
      this.longestMicros = least;
      this.longestBytes = input.length;
    }
    if (input.length >= judgedBytesMin) {
      this.microsPerByteMax = Math.max(this.microsPerByteMax, least / input.length);
    }
    if (least <= allowed || leastMicrosOf(target, input, 10) <= allowed) return null;
    const took = `${input.length} bytes took ${Math.round(least)} microseconds`;
    return `${took}, more than ${Math.round(allowed)}: the work is not bounded by the input`;
  }
}

type Trouble = { readonly kind: 'THREW' | 'WRONG' | 'SLOW'; readonly message: string };

function troubleOf(watch: Watch, input: Uint8Array): Trouble | null {
  const beganMs = performance.now();
  try {
    const wrong = watch.target.parse(input);
    if (wrong !== null) return { kind: 'WRONG', message: wrong };
  } catch (cause) {
    return { kind: 'THREW', message: String(cause) };
  }
  const slow = watch.judge(input, (performance.now() - beganMs) * 1_000);
  return slow === null ? null : { kind: 'SLOW', message: slow };
}

function findingOf(watch: Watch, trouble: Trouble, input: Uint8Array): Finding {
  const again = (bytes: Uint8Array): boolean => troubleOf(watch, bytes)?.kind === trouble.kind;
  const smallest = trouble.kind === 'SLOW' ? input : minimise(input, again);
  return {
    ...trouble,
    inputHex: Buffer.from(smallest).toString('hex'),
    inputBytes: smallest.length,
  };
}

function corpusOf(target: Target, seed: number): readonly Uint8Array[] {
  return fc.sample(target.valid, { seed, numRuns: seedsPerCorpus });
}

type ChunkRun = { readonly runs: number; readonly seed: number };

/** Mutations of one corpus; fast-check shrinks what it finds to the fewest hits. */
function fuzzChunk(
  watch: Watch,
  corpus: readonly Uint8Array[],
  { runs, seed }: ChunkRun,
): Finding | null {
  const inputFor = (plan: Plan): Uint8Array => inputOf(plan, corpus, watch.target.format);
  const slow: { trouble: Trouble; input: Uint8Array }[] = [];
  const property = fc.property(plans, (plan) => {
    const input = inputFor(plan);
    const trouble = troubleOf(watch, input);
    if (trouble === null) return true;
    if (trouble.kind !== 'SLOW') return false;
    // Not shrunk: a smaller input is faster and proves nothing. The first one tells.
    if (slow.length === 0) slow.push({ trouble, input });
    return true;
  });
  const details = fc.check(property, { numRuns: runs, seed });
  const [first] = slow;
  if (first !== undefined) return findingOf(watch, first.trouble, first.input);
  if (!details.failed || details.counterexample === null) return null;
  const input = inputFor(details.counterexample[0]);
  const trouble = troubleOf(watch, input);
  return trouble === null ? null : findingOf(watch, trouble, input);
}

/** Long inputs: one field, token or line of a valid input, said until it is kilobytes long. */
function stretchChunk(watch: Watch, corpus: readonly Uint8Array[], seed: number): Finding | null {
  const place = fc.tuple(fc.nat(65_535), fc.nat(4));
  const places = fc.sample(place, { seed, numRuns: stretchesPerChunk });
  for (const [turn, [at, depth]] of places.entries()) {
    const base = corpus[at % corpus.length];
    if (base === undefined) continue;
    for (const length of stretchLengths) {
      // The longest take milliseconds each: one a chunk.
      if (length > watch.target.bytesMax || (length === 1_048_576 && turn > 0)) continue;
      const input = stretched(base, watch.target.format, { at, depth, length });
      if (input.length > watch.target.bytesMax) continue;
      const trouble = troubleOf(watch, input);
      if (trouble !== null) return findingOf(watch, trouble, input);
    }
  }
  return null;
}

async function fuzzChunks(
  watch: Watch,
  { runs, seed, onProgress }: FuzzOptions,
): Promise<FuzzReport> {
  const beganMs = performance.now();
  const chunkRuns = Math.min(chunkRunsMax, Math.ceil(runs / 5));
  let done = 0;
  let warmBytes: number | null = null;
  let finding: Finding | null = null;
  for (let chunk = 0; done < runs && finding === null; chunk += 1) {
    const chunkSeed = (seed * 1_000_003 + chunk) | 0;
    const corpus = corpusOf(watch.target, chunkSeed);
    const size = Math.min(chunkRuns, runs - done);
    finding =
      fuzzChunk(watch, corpus, { runs: size, seed: chunkSeed }) ??
      stretchChunk(watch, corpus, chunkSeed);
    done += size;
    // Two chunks fill the caches of the runtime and the compiler.
    if (chunk === 1) warmBytes = await heapBytes();
    await nextTurn();
    onProgress(done);
  }
  const heapGrowthBytes = warmBytes === null ? 0 : Math.max((await heapBytes()) - warmBytes, 0);
  if (finding === null && heapGrowthBytes > heapGrowthBytesMax) {
    const message = `the heap grew by ${heapGrowthBytes} bytes over ${done} inputs`;
    finding = { kind: 'GREW', message, inputHex: null, inputBytes: 0 };
  }
  return {
    target: watch.target.name,
    inputs: done,
    seconds: (performance.now() - beganMs) / 1_000,
    longestMicros: watch.longestMicros,
    longestBytes: watch.longestBytes,
    microsPerByteMax: watch.microsPerByteMax,
    heapGrowthBytes,
    finding,
  };
}

/** Feeds a parser with noise and with valid inputs that were damaged, until it breaks a promise. */
export function fuzzTarget(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  return fuzzChunks(new Watch(target), options);
}
