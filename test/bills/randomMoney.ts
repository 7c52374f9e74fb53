import type { SeededRandom } from '../simulate/seededRandom.ts';
import { periodNames } from './randomCalendar.ts';
import { about, base, decimalText, limits, priceText } from './randomComponent.ts';
import type { ComponentText, Scope } from './randomComponent.ts';

const perUnits = ['bill', 'day', 'month', 'year'] as const;
const attributeNames = ['meters', 'contractedKw', 'fuseA', 'phases'] as const;

function amountText(random: SeededRandom): string {
  return decimalText(random.between(-200, 20_000), random.pick([0, 2, 4]));
}

export function randomFixed(scope: Scope): ComponentText {
  const { random, name } = scope;
  const per = random.pick(perUnits);
  const days = Math.max(1, (scope.toMs - scope.fromMs) / 86_400_000);
  const common = {
    kind: 'fixed' as const,
    name,
    per,
    ...(random.chance(0.3) ? { times: random.pick(attributeNames) } : {}),
    ...(random.chance(0.2) ? { withoutUse: random.pick(['0', '0.5', '1']) } : {}),
    ...(per !== 'year' && random.chance(0.3) ? { proration: 'none' as const } : {}),
  };
  if (scope.calendars.length > 0 && random.chance(0.25)) {
    const calendar = random.pick(scope.calendars);
    const amounts = periodNames(calendar).map((period) => [period, amountText(random)]);
    return { ...common, calendar: calendar.name, amounts: Object.fromEntries(amounts) };
  }
  if (random.chance(0.7)) return { ...common, amount: amountText(random) };
  const ends = [...limits(random, scope.dailyKwh * days, 2), undefined];
  const amount = ends.map((upTo) => ({
    ...(upTo === undefined ? {} : { upTo }),
    amount: amountText(random),
  }));
  return { ...common, amount };
}

export function randomMinimum(scope: Scope): ComponentText {
  const { random, name } = scope;
  const per = random.pick(perUnits);
  return {
    kind: 'minimum',
    name,
    amount: decimalText(random.between(0, 90_000), 2),
    per,
    of: base(scope),
    ...(random.chance(0.2) ? { times: random.pick(attributeNames) } : {}),
    ...(per === 'year' ? { month: random.pick(scope.months) } : {}),
    ...(random.chance(0.3) ? { proration: 'none' } : {}),
  };
}

export function randomAdjust(scope: Scope): ComponentText {
  const { random, name } = scope;
  const common = { kind: 'adjust' as const, name };
  const choice = random.below(3);
  if (choice === 0 || scope.above.length === 0) return { ...common, perKwh: priceText(random) };
  if (choice === 1) {
    return { ...common, percent: decimalText(random.between(-500, 500), 1), of: base(scope) };
  }
  const loadPercent = decimalText(random.between(0, 50), 1);
  const noLoadKw = decimalText(random.between(0, 99), 2);
  return { ...common, loss: { noLoadKw, loadPercent, price: priceText(random) } };
}

export function randomDiscount(scope: Scope): ComponentText {
  const { random, name } = scope;
  const by = random.chance(0.5)
    ? { amount: decimalText(random.between(0, 9_999), 2) }
    : { percent: decimalText(random.between(0, 1_500), 1) };
  const floor = random.chance(0.4) ? { floor: amountText(random) } : {};
  return { kind: 'discount', name, ...by, of: base(scope), ...floor };
}

export function randomTax(scope: Scope): ComponentText {
  const { random, name } = scope;
  const days = Math.max(1, (scope.toMs - scope.fromMs) / 86_400_000);
  const exempt = random.chance(0.4)
    ? { exemptKwh: about(random, (scope.dailyKwh * days) / 2) }
    : {};
  if (random.chance(0.3)) return { kind: 'tax', name, perKwh: priceText(random), ...exempt };
  const percent = decimalText(random.between(0, 3_000), 2);
  const each = random.pick(['line', 'sum'] as const);
  return { kind: 'tax', name, percent, of: base(scope), each, ...exempt };
}

/** Energy alone earns credits more often than a whole bill does. */
function netBase(scope: Scope): 'subtotal' | string[] {
  const [first] = scope.above;
  return first !== undefined && scope.random.chance(0.6) ? [first] : base(scope);
}

export function randomNetting(scope: Scope, netPeriods: readonly string[]): ComponentText {
  const { random, name, netting } = scope;
  const common = { kind: 'netting' as const, name };
  const month = random.pick(scope.months);
  const share = random.pick(['0', '0.5', '1', '0.3333']);
  const trueUp = random.chance(0.6) ? { trueUp: { month, share } } : {};
  switch (netting) {
    case null:
    case 'interval':
      return { ...common, method: 'interval' };
    case 'buyAllSellAll':
      return { ...common, method: 'buyAllSellAll' };
    case 'energyCredits': {
      const [from, ...others] = netPeriods;
      const carry =
        from === undefined || others.length === 0 ? {} : { [from]: random.pick(others) };
      const settled = random.chance(0.6) ? { trueUp: { month, price: priceText(random) } } : {};
      return { ...common, method: netting, carry, ...settled };
    }
    case 'moneyCredits':
      return { ...common, method: netting, of: netBase(scope), ...trueUp };
    case 'netBilling': {
      const unused = random.pick(['carryOver', 'carryOver', 'applyNow', 'expire'] as const);
      const settled = unused === 'carryOver' ? trueUp : {};
      return { ...common, method: netting, of: netBase(scope), unused, ...settled };
    }
  }
}
