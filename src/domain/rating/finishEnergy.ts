import { compare, zero } from '../exact.ts';
import { refuse } from '../outcome.ts';
import type { DynamicComponent } from '../tariff/component.ts';
import { addLine, fractionE8, kwhOf } from './billDraft.ts';
import type { BillDraft, Finished } from './billDraft.ts';
import type { CompiledComponent } from './compiled.ts';
import { addEnergyLine, lineKindOf, meteredKwh, signed } from './energyLine.ts';
import type { Energy } from './energyLine.ts';

/** Energy without tiers: a line for each period that occurs. */
export function finishPlain(draft: BillDraft, index: number, energy: Energy): Finished {
  const { compiled, folds, isOpen } = draft;
  const { component, occurring, spans, roundedSum } = energy;
  const kwh = draft.creditedKwh.get(index)?.[0] ?? meteredKwh(draft, energy, spans[0]);
  for (const period of occurring) {
    const isSurplus = compare(kwh[period], zero) < 0;
    const [plain] = component.prices.tiers[period];
    const priceE8 = isSurplus ? component.surplusE8[period] : plain.priceE8;
    const line = { tier: null, kwh: kwh[period], priceE8 };
    if (isOpen || folds === null || roundedSum === null) {
      addEnergyLine(draft, { index, energy, period }, line);
      continue;
    }
    const { point } = compiled.roundedSums[roundedSum];
    const at = isSurplus ? component.prices.periods.length + period : period;
    const rounded = fractionE8(folds.steps[roundedSum][at] * point.stepE8);
    addEnergyLine(draft, { index, energy, period }, { ...line, rounded });
  }
  return null;
}

export function finishDynamic(
  draft: BillDraft,
  index: number,
  each: CompiledComponent,
  component: DynamicComponent,
): Finished {
  const { compiled, folds, isOpen, accumulator } = draft;
  if (each.spot === null || folds === null) return null;
  const spot = compiled.spots[each.spot];
  const { name } = component;
  const unpricedSlot = folds.unpricedSlot[each.spot];
  if (unpricedSlot !== Infinity) {
    const instant = new Date(compiled.facts.fromMs + unpricedSlot * compiled.slotMs).toISOString();
    const message = `${name}: the series ${component.series} has no price at ${instant}; add it.`;
    return refuse('PRICE_MISSING', message);
  }
  const provisionalSlots = folds.provisionalSlots[each.spot];
  if (provisionalSlots > 0) {
    const message = `${provisionalSlots} intervals of ${name} have a provisional price.`;
    draft.warnings.push({ code: 'PRICE_PROVISIONAL', component: name, message });
  }
  const channel = compiled.channels.indexOf(component.flow);
  const at = channel * compiled.bucketCount;
  let units = 0n;
  for (let bucket = 0; bucket < compiled.bucketCount; bucket += 1) {
    units += BigInt(accumulator.sums[at + bucket]);
  }
  const perKwh = 1_000n * BigInt(compiled.unitsPerWh);
  const exact = { numerator: folds.spotSums[each.spot], denominator: spot.denominator * perKwh };
  const roundedSum = isOpen ? null : each.roundedSum;
  const rounded =
    roundedSum === null
      ? {}
      : {
          rounded: signed(
            component,
            fractionE8(folds.steps[roundedSum][0] * compiled.roundedSums[roundedSum].point.stepE8),
          ),
        };
  addLine(draft, index, {
    kind: lineKindOf(component),
    period: null,
    tier: null,
    quantity: kwhOf(compiled, units),
    unit: 'kWh',
    price:
      spot.uniform === null ? null : { numerator: spot.uniform, denominator: spot.denominator },
    exact: signed(component, exact),
    ...rounded,
  });
  return null;
}
