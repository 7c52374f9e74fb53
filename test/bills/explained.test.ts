import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { add, compare, formatFraction, subtract, zero } from '../../src/domain/exact.ts';
import { emptyCarry } from '../../src/domain/rating/bill.ts';
import { billSpansOf } from '../../src/domain/rating/billSpans.ts';
import { explainLine, explainLoad } from '../../src/domain/rating/explain.ts';
import type { ExplainedLine } from '../../src/domain/rating/explain.ts';
import { finish } from '../../src/domain/rating/finish.ts';
import { accumulatePrepared, prepareBill } from '../../src/domain/rating/rateLoad.ts';
import { noAttributes, parseAttributes } from '../../src/domain/tariff/attributes.ts';
import type { Component } from '../../src/domain/tariff/component.ts';
import { parseTariffFile } from '../../src/domain/tariff/file.ts';
import { randomCase } from './randomCase.ts';

/** True where every part of a line is some interval's own. */
function isWhollyOfIntervals(component: Component | undefined): boolean {
  if (component?.kind === 'dynamic') return true;
  if (component?.kind !== 'energy') return false;
  return component.flow !== 'net' && component.quantity === null;
}

/** What does not add up in the explanation of one line. */
function flaws(explained: ExplainedLine, component: Component | undefined): readonly string[] {
  const { line, intervals, rest } = explained;
  const exact = intervals.map((each) => each.exact).reduce(add, rest.exact);
  const found: string[] = [];
  const name = `${line.component}/${line.period}/${line.tier}`;
  if (compare(exact, line.exact) !== 0) {
    found.push(`${name}: off by ${formatFraction(subtract(exact, line.exact), 12)}`);
  }
  if (line.unit === 'kWh' && isWhollyOfIntervals(component) && compare(rest.exact, zero) !== 0) {
    found.push(`${name}: a rest of ${formatFraction(rest.exact, 12)}`);
  }
  // Windows that slide may overlap.
  for (const [index, { fromMs, toMs }] of intervals.entries()) {
    if (toMs <= fromMs || fromMs <= (intervals[index - 1]?.fromMs ?? 0)) {
      found.push(`${name}: interval ${index} is out of order`);
    }
  }
  return found;
}

/** The flaws in the explanations of all lines of a case's first bill. */
function flawsOf(
  seed: number,
  change: (explained: ExplainedLine) => ExplainedLine = (explained) => explained,
): readonly string[] {
  const { documents: texts, load, zone, fromMs, toMs, prices, ...drawn } = randomCase(seed);
  const documents = parseTariffFile(texts.length === 1 ? texts[0] : { versions: texts });
  const attributes = parseAttributes(drawn.attributes);
  if (!documents.ok || !attributes.ok) return []; // nothing but zeros
  const spans = billSpansOf(documents.value, { zone, fromMs, toMs });
  const span = spans.ok ? spans.value[0] : undefined;
  if (span === undefined) throw new Error('the case has a bill');
  const prepared = prepareBill(span, { load, prices });
  if (!prepared.ok) throw new Error(prepared.message);
  const accumulator = accumulatePrepared(prepared.value, load);
  const settlement = { attributes: attributes.value, carryIn: emptyCarry, openUntilMs: null };
  const bill = finish(prepared.value.compiled, accumulator, settlement);
  if (!bill.ok) return [];
  return bill.value.lines.flatMap((line) => {
    const explained = explainLine({ ...prepared.value, accumulator, settlement }, line);
    if (!explained.ok) return [explained.code];
    // The line that rounding the bill leaves is of no component.
    if (explained.value.length === 0 && line.component !== 'Rounding') return [line.component];
    const component = span.document.components.find(({ name }) => name === line.component);
    return explained.value.flatMap((each) => flaws(change(each), component));
  });
}

const seeds = fc.noShrink(fc.integer({ min: 0, max: 2 ** 31 - 1 }));
const runs = Number(process.env['BILLS_RUNS'] ?? 60);

describe('an explanation', () => {
  test(
    'of any line of any tariff adds up to it, and of plain energy by its intervals alone',
    () => {
      fc.assert(
        fc.property(seeds, (seed) => {
          expect(flawsOf(seed)).toEqual([]);
        }),
        { numRuns: runs },
      );
    },
    Math.max(60_000, runs * 400),
  );

  test('a planted fault is found: an interval that is left out', () => {
    const isFound = (seed: number): boolean =>
      flawsOf(seed, (each) => ({ ...each, intervals: each.intervals.slice(1) })).length > 0;
    expect(Array.from({ length: 20 }, (_, seed) => seed).filter(isFound).length).toBeGreaterThan(8);
  });

  test('needs no price where nothing is metered', () => {
    const spot = {
      kind: 'dynamic',
      name: 'spot',
      flow: 'export',
      series: 'spot',
      missing: 'refuse',
    };
    const text = { currency: 'EUR', components: [spot] };
    const documents = parseTariffFile(text);
    if (!documents.ok) throw new Error(documents.message);
    const fromMs = Date.parse('2026-04-01T00:00:00Z');
    const load = {
      fromMs,
      intervalMs: 3_600_000,
      unitsPerWh: 1,
      import: Float64Array.of(1_000, 2_000),
      export: null,
      reactive: null,
      estimated: null,
    };
    const window = { zone: 'UTC', fromMs, toMs: fromMs + 7_200_000 };
    const input = { ...window, documents: documents.value, load, attributes: noAttributes };
    const wanted = { label: '2026-04', component: 'spot', period: null, tier: null };
    const explained = explainLoad(input, wanted);
    expect(explained.ok && explained.value.map(({ intervals }) => intervals)).toEqual([[]]);
  });
});
