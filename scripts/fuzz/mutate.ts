import fc from 'fast-check';
import type { Format } from './formats.ts';

/** A valid input with its parts, cut once for many mutations. */
export type Seed = { readonly bytes: Uint8Array; readonly parts: readonly Uint8Array[] };

export function seedOf(bytes: Uint8Array, format: Format): Seed {
  return { bytes, parts: format.partsOf(bytes) };
}

type Hit = readonly [kind: number, at: number, argument: number];

/** Which valid input is taken and what is done to it; fast-check shrinks this to few hits. */
export type Plan =
  | { readonly kind: 'noise'; readonly bytes: Uint8Array }
  | {
      readonly kind: 'mutation';
      readonly base: number;
      readonly structure: readonly Hit[];
      readonly damage: readonly Hit[];
    };

export const seedsPerCorpus = 32;

const hit = fc.tuple(fc.nat(5), fc.nat(65_535), fc.nat(65_535));

export const plans: fc.Arbitrary<Plan> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('noise'),
      bytes: fc.uint8Array({ maxLength: 200 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('mutation'),
      base: fc.nat(seedsPerCorpus - 1),
      structure: fc.array(hit, { maxLength: 3 }),
      damage: fc.array(hit, { maxLength: 3 }),
    }),
  },
);

function pick<T>(list: readonly T[], index: number, instead: T): T {
  return list[index % Math.max(list.length, 1)] ?? instead;
}

const nothing = new Uint8Array(0);

/** Whole fields, tokens or lines: dropped, doubled, exchanged, replaced, inserted, repeated. */
function rearrange(
  parts: Uint8Array[],
  [kind, at, argument]: Hit,
  words: readonly Uint8Array[],
): void {
  const index = at % (parts.length + 1);
  const word = pick(words, argument, nothing);
  const part = parts[index] ?? nothing;
  switch (kind) {
    case 0:
      parts.splice(index, 1);
      break;
    case 1:
      parts.splice(index, 0, part);
      break;
    case 2: {
      const other = argument % (parts.length + 1);
      const second = parts[other] ?? nothing;
      if (index < parts.length) parts[index] = second;
      if (other < parts.length) parts[other] = part;
      break;
    }
    case 3:
      if (index < parts.length) parts[index] = word;
      break;
    case 4:
      parts.splice(index, 0, word);
      break;
    default:
      for (let times = argument % 20; times > 0; times -= 1) parts.splice(index, 0, part);
  }
}

const notable = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x2c] as const;

/** Single bytes: flipped, set, cut out, doubled; the end cut off; a piece copied elsewhere. */
function damageAt(bytes: Uint8Array, [kind, at, argument]: Hit): Uint8Array {
  if (bytes.length === 0) return bytes;
  const index = at % bytes.length;
  const length = 1 + (argument % 9);
  const after = Math.min(index + length, bytes.length);
  switch (kind) {
    case 0: {
      const copy = Uint8Array.from(bytes);
      copy[index] = (copy[index] ?? 0) ^ (1 << (argument & 7));
      return copy;
    }
    case 1: {
      const copy = Uint8Array.from(bytes);
      copy[index] = argument < 32_768 ? argument & 0xff : pick(notable, argument, 0);
      return copy;
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, index), bytes.subarray(after)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, after), bytes.subarray(index)]);
    case 4:
      return bytes.subarray(0, index);
    default: {
      const copy = Uint8Array.from(bytes);
      copy.copyWithin(argument % bytes.length, index, after);
      return copy;
    }
  }
}

export function inputOf(plan: Plan, corpus: readonly Seed[], format: Format): Uint8Array {
  if (plan.kind === 'noise') return plan.bytes;
  const seed = pick(corpus, plan.base, { bytes: nothing, parts: [] });
  let bytes = seed.bytes;
  if (plan.structure.length > 0) {
    const parts = [...seed.parts];
    for (const each of plan.structure) rearrange(parts, each, format.words);
    bytes = Buffer.concat(parts);
  }
  for (const each of plan.damage) bytes = damageAt(bytes, each);
  return bytes;
}

/** An input of `length` bytes that says one piece of a valid one again and again. */
export function stretched(seed: Seed, at: number, length: number): Uint8Array {
  const { bytes, parts } = seed;
  const from = parts.slice(0, at % Math.max(parts.length, 1));
  const part = pick(parts, at, bytes);
  const head = Buffer.concat(from);
  const tail = Buffer.concat(parts.slice(from.length + 1));
  const room = Math.max(length - head.length - tail.length, part.length);
  const middle = part.length === 0 ? nothing : Buffer.alloc(room, part);
  return Buffer.concat([head, middle, tail]);
}
