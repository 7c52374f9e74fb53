import { negate, product } from '../exact.ts';
import type { Fraction } from '../exact.ts';
import type { DynamicComponent, EnergyComponent } from '../tariff/component.ts';
import { addLine, fractionE8, kwhOf, roundAt, unitsByPeriod } from './billDraft.ts';
import type { BillDraft } from './billDraft.ts';
import type { CompiledComponent, TierSpan } from './compiled.ts';

export type Energy = CompiledComponent & { readonly component: EnergyComponent };

/** By period, kWh of the component's flow over a span; of flow net import less export. */
export function meteredKwh(draft: BillDraft, energy: Energy, span: TierSpan): readonly Fraction[] {
  const { compiled } = draft;
  const { flow, prices } = energy.component;
  const periodCount = prices.periods.length;
  const unitsOf = (channel: number): readonly bigint[] =>
    unitsByPeriod(draft, energy, { channel, periodCount, ...span });
  const exportChannel = compiled.channels.indexOf('export');
  if (flow === 'import') return unitsOf(0).map((units) => kwhOf(compiled, units));
  const exported = unitsOf(exportChannel);
  if (flow === 'export') return exported.map((units) => kwhOf(compiled, units));
  return unitsOf(0).map((units, period) => kwhOf(compiled, units - exported[period]));
}

/** The part of a credit or charge: export lowers the bill. */
export function signed(component: EnergyComponent | DynamicComponent, amount: Fraction): Fraction {
  return component.flow === 'export' ? negate(amount) : amount;
}

export function lineKindOf(component: EnergyComponent | DynamicComponent): 'energy' | 'credit' {
  return component.flow === 'export' ? 'credit' : 'energy';
}

export function addEnergyLine(
  draft: BillDraft,
  at: { readonly index: number; readonly energy: Energy; readonly period: number },
  line: {
    readonly tier: number | null;
    readonly kwh: Fraction;
    readonly priceE8: bigint;
    readonly rounded?: Fraction;
  },
): void {
  const { component } = at.energy;
  const quantity = roundAt(line.kwh, component.quantity);
  const price = fractionE8(line.priceE8);
  const { rounded } = line;
  addLine(draft, at.index, {
    kind: lineKindOf(component),
    period: component.prices.periods[at.period],
    tier: line.tier,
    quantity,
    unit: 'kWh',
    price,
    exact: signed(component, product(quantity, price)),
    ...(rounded === undefined ? {} : { rounded: signed(component, rounded) }),
  });
}
