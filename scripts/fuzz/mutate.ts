import fc from 'fast-check';
import { assertNever } from '../../src/domain/assert.ts';
import type { Format, Inside, Move } from './formats.ts';

type Hit = readonly [kind: number, at: number, argument: number, depth: number];

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

const hits = fc.tuple(
  fc.nat(6),
  fc.nat(65_535),
  fc.nat(65_535),
  fc.constantFrom(0, 1, 1, 1, 2, 2, 3, 3, 4, 5),
);
const none = fc.constant<readonly Hit[]>([]);
const some = fc.array(hits, { minLength: 1, maxLength: 3 });

function mutationOf(
  structure: fc.Arbitrary<readonly Hit[]>,
  damage: fc.Arbitrary<readonly Hit[]>,
): fc.Arbitrary<Plan> {
  const base = fc.nat(seedsPerCorpus - 1);
  return fc.record({ kind: fc.constant('mutation'), base, structure, damage });
}

const noise: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constant('noise'),
  bytes: fc.uint8Array({ maxLength: 200 }),
});

/** Mostly meaning, sometimes bytes: a broken syntax hides what lies behind it. */
export const plans: fc.Arbitrary<Plan> = fc.oneof(
  { weight: 1, arbitrary: noise },
  { weight: 8, arbitrary: mutationOf(some, none) },
  { weight: 4, arbitrary: mutationOf(none, some) },
  { weight: 2, arbitrary: mutationOf(some, some) },
);

function pick<T>(list: readonly T[], index: number, instead: T): T {
  return list[index % Math.max(list.length, 1)] ?? instead;
}

const nothing = new Uint8Array(0);

/** Whole fields, members or lines: dropped, doubled, exchanged, replaced, inserted, repeated. */
function rearrange(parts: Uint8Array[], [kind, at, argument]: Hit, format: Format): void {
  const index = at % Math.max(parts.length, 1);
  const word = pick(format.words, argument, nothing);
  const part = parts[index] ?? nothing;
  const move = pick<Move>(format.moves, kind, 'replace');
  switch (move) {
    case 'drop':
      parts.splice(index, 1);
      return;
    case 'double':
      parts.splice(index, 0, part);
      return;
    case 'exchange': {
      const other = argument % Math.max(parts.length, 1);
      parts[index] = parts[other] ?? nothing;
      parts[other] = part;
      return;
    }
    case 'replace':
      parts[index] = word;
      return;
    case 'insert':
      parts.splice(index, 0, word);
      return;
    case 'repeat':
      for (let times = argument % 20; times > 0; times -= 1) parts.splice(index, 0, part);
      return;
    default:
      assertNever(move);
  }
}

const notable = [0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x2c] as const;
/** As many bytes of a varint as bring a float64 weight beyond its range, and some more. */
const runBytesMax = 300;

/**
 * Single bytes: flipped, set, cut out, doubled; the end cut off; one said again and again; a piece
 * copied elsewhere.
 */
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
    case 5: {
      const run = Buffer.alloc(1 + (argument % runBytesMax), pick(notable, argument, 0));
      return Buffer.concat([bytes.subarray(0, index), run, bytes.subarray(index)]);
    }
    default: {
      const copy = Uint8Array.from(bytes);
      copy.copyWithin(argument % bytes.length, index, after);
      return copy;
    }
  }
}

/** One of the parts that hold something, each as likely as the others. */
function openPart(
  parts: readonly Uint8Array[],
  format: Format,
  at: number,
): { readonly index: number; readonly inside: Inside } | null {
  const open = parts.flatMap((part, index) => {
    const inside = format.inside(part);
    return inside === null ? [] : [{ index, inside }];
  });
  return open[at % Math.max(open.length, 1)] ?? null;
}

/** Goes so deep into fields of fields, lists in objects or cells of lines, and rearranges there. */
function rearranged(bytes: Uint8Array, format: Format, hit: Hit): Uint8Array {
  const [kind, at, argument, depth] = hit;
  const parts = format.partsOf(bytes);
  const open = depth > 0 ? openPart(parts, format, at) : null;
  if (open === null) {
    rearrange(parts, hit, format);
  } else {
    const { inside, index } = open;
    const next: Hit = [kind, Math.floor(at / 7), argument, depth - 1];
    parts[index] = inside.close(rearranged(inside.content, inside.format, next));
  }
  return format.join(parts);
}

export function inputOf(plan: Plan, corpus: readonly Uint8Array[], format: Format): Uint8Array {
  if (plan.kind === 'noise') return plan.bytes;
  let bytes = pick(corpus, plan.base, nothing);
  for (const each of plan.structure) bytes = rearranged(bytes, format, each);
  for (const each of plan.damage) bytes = damageAt(bytes, each);
  return bytes;
}

export type Stretch = { readonly at: number; readonly depth: number; readonly length: number };

/** An input of about `length` bytes that says one piece of a valid one again and again. */
export function stretched(
  bytes: Uint8Array,
  format: Format,
  { at, depth, length }: Stretch,
): Uint8Array {
  const parts = format.partsOf(bytes);
  const open = depth > 0 ? openPart(parts, format, at) : null;
  if (open !== null) {
    const { inside, index } = open;
    const next = { at: Math.floor(at / 7), depth: depth - 1, length };
    parts[index] = inside.close(stretched(inside.content, inside.format, next));
    return format.join(parts);
  }
  const index = at % Math.max(parts.length, 1);
  const part = parts[index] ?? nothing;
  const times = Math.max(1, Math.floor((length - bytes.length) / Math.max(part.length, 1)));
  const many = Array.from({ length: times }, () => part);
  return format.join([...parts.slice(0, index), ...many, ...parts.slice(index)]);
}
