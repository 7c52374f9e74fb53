import { assertNever } from '../../domain/assert.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { parseTariffDocument } from '../../domain/tariff/document.ts';
import type { TariffText } from '../../domain/tariff/shape.ts';
import { collectRemarks, refuseAt } from './imported.ts';
import type { ImportedTariff, Remarks } from './imported.ts';
import { isZeroText } from './plainDecimal.ts';
import { readFixedCharge, readMinimumCharges } from './urdbCharges.ts';
import { readDemandRates } from './urdbDemand.ts';
import type { DemandRates } from './urdbDemand.ts';
import {
  energyComponent,
  exportComponent,
  hasNegativePrice,
  readEnergyRates,
  readFuelAdjustment,
} from './urdbEnergy.ts';
import type { EnergyRates } from './urdbEnergy.ts';
import { remarkFields } from './urdbFields.ts';
import type { ComponentText } from './urdbRates.ts';
import { openUrdb } from './urdbRecord.ts';
import type { UrdbRecord, UrdbRefusal } from './urdbRecord.ts';
import { sourceOf } from './urdbSource.ts';

/** How generation is settled. Whatever it is, a bill without export is the same. */
type Netting = 'none' | 'energyCredits' | 'applyNow' | 'carryOver' | 'buyAllSellAll';

export type UrdbOptions = {
  /** `leaveOut`: export earns nothing, whatever the rate says of generation. */
  readonly generation: 'asStated' | 'leaveOut';
};

function ruleOf(record: UrdbRecord): { readonly key: string; readonly text: string } | null {
  const rules = record.get('dgrules');
  if (rules !== undefined) return { key: rules.key, text: String(rules.value) };
  const flag = record.get('usenetmetering');
  const isOn = flag !== undefined && ['true', '1'].includes(String(flag.value).toLowerCase());
  return isOn ? { key: flag.key, text: 'Net Metering' } : null;
}

/** Net metering keeps surplus kWh by period: that needs no price that the file does not have. */
function netMetering(rates: EnergyRates, path: string[], remarks: Remarks): Netting {
  if (rates.tierRule !== null && rates.periods.size > 1) {
    const message =
      'net metering of tiers in several periods has no time order; export earns nothing.';
    remarks.add('URDB_EXPORT_LEFT_OUT', path, message);
    return 'none';
  }
  const message =
    'surplus is kept in kWh for its own period; when it is settled is not in the file, so it ' +
    'never is. Add trueUp and carry to the component "net metering" as the utility has them.';
  remarks.add('URDB_NET_METERING_READ', path, message);
  return 'energyCredits';
}

/** The three other rules pay the sell rates. Which keeps credits is as in NREL's reader of URDB. */
function netBilling(rates: EnergyRates, rule: string, path: string[], remarks: Remarks): Netting {
  if ([...rates.periods.values()].flat().every(({ sell }) => sell === null)) {
    const message = `"${rule}" needs sell rates, and there are none; export earns nothing.`;
    remarks.add('URDB_EXPORT_LEFT_OUT', path, message);
    return 'none';
  }
  if (rule === 'buy all sell all') return 'buyAllSellAll';
  const isHourly = rule === 'net billing hourly';
  const keeps = isHourly && !hasNegativePrice(rates);
  const what = keeps ? 'kept for later bills' : 'paid on the same bill';
  const message = `export is paid its sell rate; credits beyond the charges are ${what}.`;
  remarks.add('URDB_NET_BILLING_READ', path, message);
  return keeps ? 'carryOver' : 'applyNow';
}

function nettingOf(
  record: UrdbRecord,
  rates: EnergyRates,
  context: { readonly options: UrdbOptions; readonly remarks: Remarks },
): Netting {
  const rule = ruleOf(record);
  const text = rule?.text.trim().toLowerCase() ?? '';
  const { remarks } = context;
  const hasSell = [...rates.periods.values()].flat().some(({ sell }) => sell !== null);
  if (context.options.generation === 'leaveOut' || rule === null) {
    if (rule !== null || hasSell) {
      const reason = rule === null ? 'no dgrules say how sell rates are applied' : 'as asked';
      const path = rule === null ? ['energyratestructure'] : [rule.key];
      remarks.add('URDB_EXPORT_LEFT_OUT', path, `export earns nothing: ${reason}.`);
    }
    return 'none';
  }
  switch (text) {
    case 'net metering':
      return netMetering(rates, [rule.key], remarks);
    case 'net billing instantaneous':
    case 'net billing hourly':
    case 'buy all sell all':
      return netBilling(rates, text, [rule.key], remarks);
    default: {
      const message = `the rule "${text.slice(0, 40)}" is not known; export earns nothing.`;
      remarks.add('URDB_EXPORT_LEFT_OUT', [rule.key], message);
      return 'none';
    }
  }
}

function nettingComponent(netting: Netting): readonly ComponentText[] {
  switch (netting) {
    case 'none':
      return [];
    case 'energyCredits':
      return [{ kind: 'netting', name: 'net metering', method: 'energyCredits' }];
    case 'buyAllSellAll':
      return [{ kind: 'netting', name: 'buy all sell all', method: 'buyAllSellAll' }];
    case 'applyNow':
    case 'carryOver':
      return [
        {
          kind: 'netting',
          name: 'net billing',
          method: 'netBilling',
          of: 'subtotal',
          unused: netting,
        },
      ];
    default:
      return assertNever(netting);
  }
}

function isAllZero(rates: EnergyRates, demand: DemandRates): boolean {
  const prices = [...rates.periods.values()].flat().map(({ price }) => price);
  return prices.every(isZeroText) && demand.components.length === 0;
}

/** What holds for every document holds for imported ones too; said of the field it came from. */
function checked(document: TariffText, record: UrdbRecord): Outcome<TariffText, UrdbRefusal> {
  const parsed = parseTariffDocument(document);
  if (parsed.ok) return accept(document);
  const { path = [], message } = parsed;
  const source = sourceOf(document, path, record);
  if (source === null) {
    return refuseAt('URDB_DOCUMENT_REFUSED', [], `as a tariff document it is refused: ${message}`);
  }
  const prefix = `${path.join('.')}: `;
  const reason = message.startsWith(prefix) ? message.slice(prefix.length) : message;
  return refuseAt('URDB_DOCUMENT_REFUSED', source, reason);
}

function documentOf(
  record: UrdbRecord,
  context: { readonly options: UrdbOptions; readonly remarks: Remarks },
): Outcome<TariffText, UrdbRefusal> {
  const { remarks } = context;
  const rates = readEnergyRates(record, remarks);
  if (!rates.ok) return rates;
  const demand = readDemandRates(record, remarks);
  if (!demand.ok) return demand;
  if (isAllZero(rates.value, demand.value)) {
    const message = 'no price of energy or demand is other than 0; such a rate bills nothing.';
    return refuseAt('URDB_ALL_ZERO', ['energyratestructure'], message);
  }
  const netting = nettingOf(record, rates.value, context);
  const flow = netting === 'energyCredits' ? 'net' : 'import';
  const fuel = readFuelAdjustment(record, flow);
  if (!fuel.ok) return fuel;
  const fixed = readFixedCharge(record, remarks);
  if (!fixed.ok) return fixed;
  const isPaid = netting !== 'none' && netting !== 'energyCredits';
  const exported = isPaid ? exportComponent(rates.value, remarks) : null;
  const charges: ComponentText[] = [
    energyComponent(rates.value, { flow }),
    ...(fuel.value === null ? [] : [fuel.value.component]),
    ...(exported === null ? [] : [exported]),
    ...demand.value.components,
    ...fixed.value,
  ];
  const minima = readMinimumCharges(
    record,
    charges.map(({ name }) => name),
    remarks,
  );
  if (!minima.ok) return minima;
  const calendars = [rates.value.calendar, fuel.value?.calendar ?? null, ...demand.value.calendars];
  const document: TariffText = {
    currency: 'USD',
    ...(netting === 'carryOver' && { intervalMinutes: 60 }),
    calendars: calendars.filter((calendar) => calendar !== null),
    components: [...charges, ...minima.value, ...nettingComponent(netting)],
  };
  return checked(document, record);
}

/**
 * A rate of the OpenEI Utility Rate Database as a document: bare, in a list of one, or as the
 * API's answer with one item. A price that has no place in a document is named in a warning, and a
 * rate that says nothing sure is refused. Source of the meanings: OpenEI, "Utility Rates API",
 * versions 3 to 8; NREL SAM's reader of URDB rates and ssc, module utilityrate5.
 */
export function importUrdb(
  text: string,
  options: UrdbOptions = { generation: 'asStated' },
): Outcome<ImportedTariff, UrdbRefusal> {
  const record = openUrdb(text);
  if (!record.ok) return record;
  const remarks = collectRemarks();
  const document = documentOf(record.value, { options, remarks });
  if (!document.ok) return document;
  remarkFields(record.value, remarks);
  return accept({ document: document.value, warnings: remarks.list() });
}
