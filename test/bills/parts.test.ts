import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAccumulator, encodeAccumulator } from '../../src/domain/rating/accumulatorCodec.ts';
import { emptyCarry } from '../../src/domain/rating/bill.ts';
import { billSpansOf } from '../../src/domain/rating/billSpans.ts';
import { finish } from '../../src/domain/rating/finish.ts';
import { accumulate, emptyAccumulator, merge } from '../../src/domain/rating/kernel.ts';
import { accumulatePrepared, prepareBill } from '../../src/domain/rating/rateLoad.ts';
import type { PreparedBill } from '../../src/domain/rating/rateLoad.ts';
import { parseAttributes } from '../../src/domain/tariff/attributes.ts';
import { parseTariffFile } from '../../src/domain/tariff/file.ts';
import { SeededRandom } from '../simulate/seededRandom.ts';
import { randomCase } from './randomCase.ts';
import type { RandomCase } from './randomCase.ts';

function attributesOf(drawn: RandomCase) {
  const attributes = parseAttributes(drawn.attributes);
  if (!attributes.ok) throw new Error(attributes.message);
  return attributes.value;
}

/** The bills of a case that there is something to accumulate for. */
function preparedBills(drawn: RandomCase) {
  const { documents: texts, load, zone, fromMs, toMs, prices } = drawn;
  const documents = parseTariffFile(texts.length === 1 ? texts[0] : { versions: texts });
  if (!documents.ok) return []; // nothing but zeros
  const spans = billSpansOf(documents.value, { zone, fromMs, toMs });
  if (!spans.ok) throw new Error(spans.message);
  return spans.value.map((span) => {
    const prepared = prepareBill(span, { load, prices });
    if (!prepared.ok) throw new Error(prepared.message);
    return prepared.value;
  });
}

/** The slots in chunks, accumulated apart or into one another, and merged in any order. */
function accumulatedInParts({ compiled, energies }: PreparedBill, random: SeededRandom) {
  if (energies === null) return emptyAccumulator(compiled);
  const { offset = 0, count = 0, firstSlot } = energies;
  const cuts = Array.from({ length: random.below(6) }, () => random.below(count + 1));
  const edges = [0, ...cuts.toSorted((left, right) => left - right), count];
  const chunks = edges.slice(1).map((end, index) => ({ from: edges[index] ?? 0, end }));
  let parts = [emptyAccumulator(compiled)];
  for (const { from, end } of random.shuffled(chunks)) {
    const part = {
      ...energies,
      offset: offset + from,
      count: end - from,
      firstSlot: firstSlot + from,
    };
    const grown = random.chance(0.5) ? parts.shift() : undefined;
    parts = random.shuffled([...parts, accumulate(compiled, part, grown)]);
  }
  return parts.reduce((left, right) => {
    const [one, other] = random.shuffled([left, right]);
    const merged = merge(compiled, one ?? left, other ?? right);
    const stored = decodeAccumulator(compiled, encodeAccumulator(merged));
    if (!stored.ok) throw new Error(stored.message);
    return stored.value;
  });
}

const runs = Number(process.env['BILLS_RUNS'] ?? 120);
const seeds = fc.noShrink(fc.integer({ min: 0, max: 2 ** 31 - 1 }));

describe('parts of a bill of any kind', () => {
  test(
    'accumulated apart, stored and merged in any order give the bill of the whole',
    () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const drawn = randomCase(seed);
          const random = new SeededRandom(seed + 1);
          const attributes = attributesOf(drawn);
          const settlement = { attributes, carryIn: emptyCarry, openUntilMs: null };
          for (const prepared of preparedBills(drawn)) {
            const { compiled } = prepared;
            const merged = accumulatedInParts(prepared, random);
            if (compiled.needsReactive && drawn.load.reactive === null) {
              merged.unmeteredSlots = compiled.slotCount;
            }
            const whole = accumulatePrepared(prepared, drawn.load);
            expect(finish(compiled, merged, settlement)).toEqual(
              finish(compiled, whole, settlement),
            );
          }
        }),
        { numRuns: runs },
      );
    },
    Math.max(60_000, runs * 200),
  );

  test('a planted fault is found: a part that is lost', () => {
    const settlement = { carryIn: emptyCarry, openUntilMs: null };
    const isFound = (seed: number): boolean => {
      const drawn = randomCase(seed);
      const attributes = attributesOf(drawn);
      return preparedBills(drawn).some((prepared) => {
        const { compiled, energies } = prepared;
        const count = Math.floor((energies?.count ?? 0) / 2);
        if (energies === null || count === 0) return false;
        const half = accumulate(compiled, { ...energies, count });
        const whole = accumulatePrepared(prepared, drawn.load);
        const bills = [half, whole].map((each) =>
          finish(compiled, each, { ...settlement, attributes }),
        );
        return !isDeepStrictEqual(bills[0], bills[1]);
      });
    };
    expect(Array.from({ length: 10 }, (_, seed) => seed).filter(isFound).length).toBeGreaterThan(5);
  });
});
