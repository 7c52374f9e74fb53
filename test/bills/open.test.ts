import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differencesOf } from '../../src/domain/judge/agreement.ts';
import { judgeLoad } from '../../src/domain/judge/judge.ts';
import { emptyCarry } from '../../src/domain/rating/bill.ts';
import type { AgreementAttributes } from '../../src/domain/rating/bill.ts';
import { billSpansOf } from '../../src/domain/rating/billSpans.ts';
import { microsOf } from '../../src/domain/exact.ts';
import { finish } from '../../src/domain/rating/finish.ts';
import { accumulate, emptyAccumulator } from '../../src/domain/rating/kernel.ts';
import { prepareBill } from '../../src/domain/rating/rateLoad.ts';
import { openMicros } from '../../src/domain/rating/running.ts';
import { parseAttributes } from '../../src/domain/tariff/attributes.ts';
import { parseTariffFile } from '../../src/domain/tariff/file.ts';
import { SeededRandom } from '../simulate/seededRandom.ts';
import { randomCase } from './randomCase.ts';
import type { RandomCase } from './randomCase.ts';

/** The first bill of a case, open at some slot of it, by the kernel. */
function openBill(drawn: RandomCase, attributes: AgreementAttributes, share: number) {
  const { documents: texts, load, zone, fromMs, toMs, prices } = drawn;
  const documents = parseTariffFile(texts.length === 1 ? texts[0] : { versions: texts });
  if (!documents.ok) return null; // nothing but zeros
  const spans = billSpansOf(documents.value, { zone, fromMs, toMs });
  const span = spans.ok ? spans.value[0] : undefined;
  if (span === undefined) throw new Error('the case has a bill');
  const prepared = prepareBill(span, { load, prices });
  if (!prepared.ok) throw new Error(prepared.message);
  const { compiled, energies } = prepared.value;
  const { slotMs, slotCount, firstSlot, facts } = compiled;
  const slots = Math.floor(slotCount * share);
  if (slots === 0) return null;
  const openUntilMs = facts.fromMs + slots * slotMs;
  const accumulator = emptyAccumulator(compiled);
  const seen = energies === null ? 0 : firstSlot + slots - energies.firstSlot;
  if (energies !== null && seen > 0) {
    const count = Math.min(energies.count ?? 0, seen);
    accumulate(compiled, { ...energies, count }, accumulator);
  }
  if (compiled.needsReactive && load.reactive === null) accumulator.unmeteredSlots = slotCount;
  const settlement = { attributes, carryIn: emptyCarry, openUntilMs };
  const bill = finish(compiled, accumulator, settlement);
  return { bill, micros: openMicros(compiled, accumulator, settlement), facts, openUntilMs };
}

function differencesWhileOpen(seed: number, judge = judgeLoad): readonly string[] {
  const drawn = randomCase(seed);
  const attributes = parseAttributes(drawn.attributes);
  if (!attributes.ok) throw new Error(attributes.message);
  const share = new SeededRandom(seed + 1).below(1_000) / 1_000;
  const open = openBill(drawn, attributes.value, share);
  if (open === null) return [];
  const { bill, micros, facts, openUntilMs } = open;
  const judged = judge({ ...drawn, openUntilMs });
  if (!bill.ok || !judged.ok || !micros.ok) {
    const codes = [bill, judged, micros].map((each) => (each.ok ? 'a bill' : each.code));
    return new Set(codes).size === 1 ? [] : [codes.join()];
  }
  const { lines, total } = bill.value;
  const ours = [{ label: facts.label, lines, total }];
  const differences = differencesOf(ours, judged.value.bills);
  return microsOf(total) === micros.value
    ? differences
    : [...differences, `${micros.value} micros are ${microsOf(total)} by its lines`];
}

const seeds = fc.noShrink(fc.integer({ min: 0, max: 2 ** 31 - 1 }));
const runs = Number(process.env['BILLS_RUNS'] ?? 120);

describe('a bill that is still open', () => {
  test(
    'is told alike by both engines, line by line, and by its running total',
    () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          expect(differencesWhileOpen(seed)).toEqual([]);
        }),
        { numRuns: runs },
      );
    },
    Math.max(60_000, runs * 200),
  );

  test('a planted fault is found: the judge a minute late', () => {
    const isFound = (seed: number): boolean => {
      const differences = differencesWhileOpen(seed, ({ openUntilMs = 0, ...input }) =>
        judgeLoad({ ...input, openUntilMs: openUntilMs + 60_000 }),
      );
      return differences.length > 0;
    };
    expect(Array.from({ length: 20 }, (_, seed) => seed).filter(isFound).length).toBeGreaterThan(8);
  });
});
