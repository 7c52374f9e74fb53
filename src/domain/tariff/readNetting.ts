import type { Component, NettingComponent, TrueUp } from './component.ts';
import type { ComponentShape } from './componentShape.ts';
import { readShareE8 } from './readEnergy.ts';
import type { Named } from './readEnergy.ts';
import { readPriceE8 } from './readNumber.ts';
import { readBase } from './readPrices.ts';
import type { Context } from './readPrices.ts';
import { report, within } from './refusal.ts';
import type { Spot } from './refusal.ts';

type NettingShape = Extract<ComponentShape, { kind: 'netting' }>;
type TrueUpShape = Extract<NettingShape, { method: 'energyCredits' }>['trueUp'];

/** Credits in kWh are paid at a price, credits in money by a share: one is given, the other not. */
function readTrueUp(spot: Spot, raw: TrueUpShape, paid: 'price' | 'share'): TrueUp | null {
  if (raw === undefined) return null;
  const stray = paid === 'price' ? 'share' : 'price';
  if (raw[stray] !== undefined) {
    const message =
      paid === 'price'
        ? 'credits in kWh are paid at a price; give price instead of share.'
        : 'credits in money are paid by a share; give share instead of price.';
    report(within(spot, stray), 'TARIFF_MALFORMED', message);
  }
  if (raw[paid] === undefined) {
    const message = 'what the credits left are worth is not said; write "0" where they are lost.';
    report(within(spot, paid), 'TARIFF_PRICE_MISSING', message);
  }
  return {
    month: raw.month,
    priceE8: raw.price === undefined ? 0n : readPriceE8(within(spot, 'price'), raw.price),
    shareE8: raw.share === undefined ? 0n : readShareE8(within(spot, 'share'), raw.share),
  };
}

function readCarry(
  spot: Spot,
  raw: Readonly<Record<string, string>>,
  components: readonly Component[],
): ReadonlyMap<string, string> {
  const carry = new Map(Object.entries(raw));
  const nets = components.flatMap((each) =>
    each.kind === 'energy' && each.flow === 'net' ? [each.prices.periods] : [],
  );
  for (const [from, to] of carry) {
    if (from === to) {
      const message = 'credits of a period are kept for it anyway; name another one.';
      report(within(spot, from), 'TARIFF_MALFORMED', message);
    }
    if (nets.some((periods) => periods.includes(from) && periods.includes(to))) continue;
    const message = `no component of flow net has the periods "${from}" and "${to}"; correct them.`;
    report(within(spot, from), 'TARIFF_REFERENCE_UNKNOWN', message);
  }
  return carry;
}

export function readNetting(
  spot: Spot,
  raw: NettingShape,
  named: Named,
  above: { readonly context: Context; readonly components: readonly Component[] },
): NettingComponent {
  if (raw.when !== undefined) {
    const message = 'netting decides the use that it would depend on; remove it.';
    report(within(spot, 'when'), 'TARIFF_MALFORMED', message);
  }
  const common = { ...named, kind: 'netting' } as const;
  const trueUpSpot = within(spot, 'trueUp');
  switch (raw.method) {
    case 'interval':
    case 'buyAllSellAll':
      return { ...common, method: raw.method };
    case 'energyCredits': {
      const carry = readCarry(within(spot, 'carry'), raw.carry, above.components);
      const trueUp = readTrueUp(trueUpSpot, raw.trueUp, 'price');
      return { ...common, method: raw.method, carry, trueUp };
    }
    case 'moneyCredits': {
      const of = readBase(within(spot, 'of'), raw.of, above.context);
      return {
        ...common,
        method: raw.method,
        of,
        trueUp: readTrueUp(trueUpSpot, raw.trueUp, 'share'),
      };
    }
    case 'netBilling': {
      if (raw.trueUp !== undefined && raw.unused !== 'carryOver') {
        const message = 'nothing is kept that could be settled; remove it, or use carryOver.';
        report(trueUpSpot, 'TARIFF_MALFORMED', message);
      }
      const of = readBase(within(spot, 'of'), raw.of, above.context);
      const trueUp = readTrueUp(trueUpSpot, raw.trueUp, 'share');
      return { ...common, method: raw.method, of, unused: raw.unused, trueUp };
    }
  }
}

/** How netting goes together with the other components. */
export function reportNetting(spot: Spot, components: readonly Component[]): void {
  const index = components.findIndex((each) => each.kind === 'netting');
  const netting = components[index];
  if (netting?.kind !== 'netting') return;
  const second = components.findLastIndex((each) => each.kind === 'netting');
  if (second !== index) {
    const message = 'netting is said twice; keep one component of it.';
    report(within(spot, second), 'TARIFF_MALFORMED', message);
  }
  if (netting.method !== 'energyCredits' && netting.method !== 'moneyCredits') return;
  const isNet = (each: Component): boolean => each.kind === 'energy' && each.flow === 'net';
  const last = components.findLastIndex(isNet);
  if (last > index) {
    const message = 'energy of flow net comes after its netting; move it above.';
    report(within(spot, last), 'TARIFF_MALFORMED', message);
  }
  if (last < 0 && netting.method === 'energyCredits') {
    const message = 'no energy is of flow net, so that nothing could be credited; add it above.';
    report(within(spot, index), 'TARIFF_REFERENCE_UNKNOWN', message);
  }
}
