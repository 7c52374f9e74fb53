import { assert } from '../assert.ts';
import { slotMs, slotsPerDay, slotStartMs } from '../rating/slot.ts';
import type { GapShape } from '../series/gapShape.ts';
import { qualityActual } from '../series/quality.ts';
import { hourMs } from '../time/civil.ts';
import { instantText } from '../time/instantText.ts';
import { slotsOf } from './columns.ts';
import type { Finding, Seen } from './finding.ts';
import { checkHighLow } from './highLow.ts';
import { checkIntervalSpike } from './intervalSpike.ts';
import { estimationRules } from './ruleName.ts';
import type { EstimationRule, ValidationRule } from './ruleName.ts';
import type { VeeSet } from './set.ts';
import type { GapInput } from './shapeGap.ts';
import type { SlotColumns, WindowInput } from './window.ts';

/** Whole Wh of each slot of a gap, as the walk lays them; they sum to the register's difference. */
export function energiesOf(shape: GapShape, differenceWh: bigint): Float64Array {
  const { from, to } = slotsOf(shape);
  assert(shape.weights.length === to - from, 'a shape has a weight for each slot that it touches');
  const isEven = shape.weights.every((weight) => weight === 0);
  const weightAt = (at: number) => {
    if (!isEven) return BigInt(shape.weights[at]);
    const startMs = Math.max(slotStartMs(from + at), shape.fromMs);
    return BigInt(Math.min(slotStartMs(from + at + 1), shape.toMs) - startMs);
  };
  const weights = Array.from(shape.weights, (_, at) => weightAt(at));
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  let cumulated = 0n;
  let laid = 0n;
  return Float64Array.from(weights, (weight) => {
    cumulated += weight;
    const upTo = (differenceWh * cumulated) / total;
    const energy = upTo - laid;
    laid = upTo;
    return Number(energy);
  });
}

function estimationRuleOf(number: number): EstimationRule {
  const rules: readonly EstimationRule[] = [
    'adjustmentFromScalar',
    'averaging',
    'createForGap',
    'interpolation',
    'profile',
    'proxyDay',
    'subtractiveAdjustment',
  ];
  const rule = rules.find((name) => estimationRules[name].number === number);
  assert(rule !== undefined, 'a shape names a rule that shapes gaps');
  return rule;
}

/** What the estimate is, for the record of decisions. */
export function describeGap(input: GapInput, shape: GapShape): Finding {
  const rule = estimationRuleOf(shape.rule);
  const outageSlots = shape.quality.filter((quality) => quality === qualityActual).length;
  const count = shape.weights.length;
  return {
    rule,
    outcome: 'estimate',
    fromMs: input.fromMs,
    toMs: input.toMs,
    message:
      `${estimationRules[rule].title}: ${input.differenceWh} Wh between two readings are laid ` +
      `over ${count} quarter hours, ${outageSlots} of them without supply.`,
    detail: {
      differenceWh: String(input.differenceWh),
      slots: String(count),
      outageSlots: String(outageSlots),
    },
    readingsAtMs: [],
  };
}

/** The estimate as a window, with no more known than the gap itself and what was before it. */
function windowOf(input: GapInput, slots: SlotColumns): WindowInput {
  return {
    kind: 'day',
    fromMs: input.fromMs,
    toMs: input.toMs,
    zone: input.zone,
    channel: 1,
    slots,
    readingsAtMs: new Float64Array(),
    register: null,
    intervals: null,
    history: input.history,
    bills: [],
    siblings: [],
    exceptions: [],
    conflicts: [],
    blocks: [],
    replacement: null,
    agreed: null,
    isOccupied: null,
    hasVoltage: null,
    outages: input.outages,
  };
}

/** A slot that would need more power than the connection can carry. */
function checkPower(slots: SlotColumns, powerMaxW: number): Seen | null {
  const slotWhMax = Math.ceil((powerMaxW * slotMs) / hourMs);
  const at = slots.wh.findIndex((wh) => wh > slotWhMax);
  if (at === -1) return null;
  const fromMs = slotStartMs(slots.firstSlot + at);
  return {
    fromMs,
    toMs: fromMs + slotMs,
    message:
      `the quarter hour from ${instantText(fromMs)} would have ${slots.wh[at]} Wh, and ` +
      `${powerMaxW} W carry ${slotWhMax} Wh at most. Estimate it by hand.`,
    detail: { slotWh: String(slots.wh[at]), slotWhMax: String(slotWhMax) },
    readingsAtMs: [],
  };
}

/**
 * After estimation, validate again; an estimate that fails goes to the queue (Itron IEE). A gap of
 * less than a day is not compared with days: an evening is always more than its share of a day.
 */
export function validateEstimate(
  set: VeeSet,
  input: GapInput,
  { shape, powerMaxW }: { readonly shape: GapShape; readonly powerMaxW: number },
): readonly Finding[] {
  const { from, to } = slotsOf(shape);
  const wh = energiesOf(shape, input.differenceWh);
  const slots: SlotColumns = { firstSlot: from, wh, quality: shape.quality };
  const window = windowOf(input, slots);
  const { intervalSpike, highLow } = set.rules;
  const isDay = to - from >= slotsPerDay;
  const seen: readonly (readonly [ValidationRule, Seen | null])[] = [
    ['intervalSpike', checkPower(slots, powerMaxW)],
    ['intervalSpike', intervalSpike.on ? checkIntervalSpike(intervalSpike, window) : null],
    ['highLow', highLow.on && isDay ? checkHighLow(highLow, window) : null],
  ];
  const title = estimationRules[estimationRuleOf(shape.rule)].title;
  return seen.flatMap(([rule, one]) =>
    one === null
      ? []
      : [{ ...one, rule, outcome: set.estimation.failed, message: `${title}: ${one.message}` }],
  );
}
