import { assert } from '../assert.ts';
import { gapBridgedDaysMax, gapWeightMax, gapsPerDayMax } from '../limits.ts';
import { dayMs } from '../time/civil.ts';
import { putColumn, putVarint, takeColumn, takeVarint, varintBytesMax } from './columnCodec.ts';
import type { Input, Output } from './columnCodec.ts';
import type { SeriesDay } from './day.ts';
import type { GapShape } from './gapShape.ts';
import { gapSlots } from './gapShape.ts';
import { qualityEstimated } from './quality.ts';

/**
 * Shapes behind a stored day: how many, then of each the milliseconds into the day where the gap
 * ends, its length in milliseconds, the rule's number, the weights and the qualities as columns.
 */
export function shapesBytesMax(shapes: readonly GapShape[]): number {
  let bytes = 0;
  for (const { weights } of shapes) bytes += (5 + 2 * weights.length) * varintBytesMax;
  return bytes;
}

export function putShapes(output: Output, { day, shapes }: SeriesDay): void {
  assert(shapes.length <= gapsPerDayMax, 'a day has no more shapes than gaps that can end in it');
  putVarint(output, shapes.length);
  let lastMs = day * dayMs - 1;
  for (const { fromMs, toMs, rule, weights, quality } of shapes) {
    assert(toMs > lastMs && toMs < (day + 1) * dayMs, 'shapes stand in the day of their end');
    assert(
      fromMs < toMs && weights.length === gapSlots({ fromMs, toMs }),
      'a weight for each slot',
    );
    assert(quality.length === weights.length, 'and a quality');
    lastMs = toMs;
    putVarint(output, toMs - day * dayMs);
    putVarint(output, toMs - fromMs);
    putVarint(output, rule);
    let total = 0;
    for (const weight of weights) {
      assert(Number.isInteger(weight) && weight >= 0, 'a weight is a whole number from 0');
      total += weight;
    }
    assert(total <= gapWeightMax, 'the weights of a gap are within their sum');
    putColumn(output, weights, weights.length);
    putColumn(output, Float64Array.from(quality), quality.length);
  }
}

export function takeShapes(input: Input, day: number): readonly GapShape[] {
  const count = takeVarint(input);
  assert(count <= gapsPerDayMax, 'a stored day has no more shapes than gaps');
  const shapes: GapShape[] = [];
  for (let at = 0; at < count; at += 1) {
    const toMs = day * dayMs + takeVarint(input);
    const lengthMs = takeVarint(input);
    assert(lengthMs > 0 && lengthMs <= gapBridgedDaysMax * dayMs, 'a stored gap is bridged');
    const fromMs = toMs - lengthMs;
    const rule = takeVarint(input);
    const slots = gapSlots({ fromMs, toMs });
    const weights = new Float64Array(slots);
    takeColumn(input, weights, slots);
    const qualities = new Float64Array(slots);
    takeColumn(input, qualities, slots);
    assert(
      weights.every((weight) => weight >= 0) &&
        qualities.every((quality) => quality >= 0 && quality <= qualityEstimated),
      'a stored shape holds values within their bounds',
    );
    shapes.push({ fromMs, toMs, weights, quality: Uint8Array.from(qualities), rule });
  }
  return shapes;
}
