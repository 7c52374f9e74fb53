import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { refuseAt } from './imported.ts';
import type { Remarks } from './imported.ts';
import { compareDecimals, isZeroText, plainDecimal } from './plainDecimal.ts';
import { fineEnough } from './urdbRates.ts';
import type { ComponentText } from './urdbRates.ts';
import { refuseField } from './urdbRecord.ts';
import type { UrdbRecord, UrdbRefusal } from './urdbRecord.ts';

type Per = 'day' | 'month' | 'year';
type Amount = { readonly text: string; readonly per: Per };

function amountOf(record: UrdbRecord, name: string): Outcome<string | null, UrdbRefusal> {
  const field = record.get(name);
  if (field === undefined) return accept(null);
  const text = plainDecimal(field.value);
  if (text === null) return refuseField([field.key], 'it is not a number; correct it.');
  const fine = fineEnough(text, [field.key]);
  if (!fine.ok) return fine;
  return accept(isZeroText(text) ? null : text);
}

/** Without a unit a month, as NREL's SAM takes it. */
function perOf(
  record: UrdbRecord,
  names: { readonly newer: string; readonly unit: string },
  remarks: Remarks,
): Outcome<Per, UrdbRefusal> {
  const field = record.get(names.unit);
  if (field === undefined || String(field.value).trim() === '') {
    const message = `there is no ${names.unit}, so it is read as $/month; check it.`;
    remarks.add('URDB_UNITS_ASSUMED', [record.get(names.newer)?.key ?? names.newer], message);
    return accept('month');
  }
  switch (String(field.value).toLowerCase().replaceAll(/\s/g, '')) {
    case '$/day':
      return accept('day');
    case '$/month':
      return accept('month');
    case '$/year':
      return accept('year');
    default:
      return refuseAt('URDB_UNIT_UNSUPPORTED', [field.key], 'write $/day, $/month or $/year.');
  }
}

/** The older field is per month; the newer one has a unit. A rate that has both means the same. */
function olderOrNewer(
  record: UrdbRecord,
  names: { readonly older: string; readonly newer: string; readonly unit: string },
  remarks: Remarks,
): Outcome<Amount | null, UrdbRefusal> {
  const older = amountOf(record, names.older);
  if (!older.ok) return older;
  const newer = amountOf(record, names.newer);
  if (!newer.ok) return newer;
  if (newer.value === null) {
    return accept(older.value === null ? null : { text: older.value, per: 'month' });
  }
  const per = perOf(record, names, remarks);
  if (!per.ok) return per;
  const isSame =
    older.value === null ||
    (per.value === 'month' && compareDecimals(older.value, newer.value) === 0);
  if (!isSame) {
    const message = `it is another amount than ${names.newer}; keep the one that is charged.`;
    return refuseAt('URDB_CHARGE_TWICE', [names.older], message);
  }
  return accept({ text: newer.value, per: per.value });
}

export function readFixedCharge(
  record: UrdbRecord,
  remarks: Remarks,
): Outcome<readonly ComponentText[], UrdbRefusal> {
  const additional = amountOf(record, 'fixedchargeeaaddl');
  if (!additional.ok) return additional;
  if (additional.value !== null) {
    const message = `${additional.value} for each further meter is left out; one meter is billed.`;
    remarks.add('URDB_FURTHER_METERS_LEFT_OUT', ['fixedchargeeaaddl'], message);
  }
  const names = {
    older: 'fixedmonthlycharge',
    newer: 'fixedchargefirstmeter',
    unit: 'fixedchargeunits',
  };
  const charge = olderOrNewer(record, names, remarks);
  if (!charge.ok) return charge;
  if (charge.value === null) return accept([]);
  const { text: amount, per } = charge.value;
  return accept([{ kind: 'fixed', name: 'fixed', amount, per }]);
}

/** Against energy, demand and fixed charges, each minimum by itself, as NREL's ssc has it. */
export function readMinimumCharges(
  record: UrdbRecord,
  of: string[],
  remarks: Remarks,
): Outcome<readonly ComponentText[], UrdbRefusal> {
  const names = { older: 'minmonthlycharge', newer: 'mincharge', unit: 'minchargeunits' };
  const minimum = olderOrNewer(record, names, remarks);
  if (!minimum.ok) return minimum;
  const annual = amountOf(record, 'annualmincharge');
  if (!annual.ok) return annual;
  const components: ComponentText[] = [];
  if (minimum.value !== null && minimum.value.per !== 'year') {
    const { text: amount, per } = minimum.value;
    components.push({ kind: 'minimum', name: 'minimum', amount, per, of });
  }
  const yearly = minimum.value?.per === 'year' ? minimum.value.text : null;
  if (yearly !== null && annual.value !== null && compareDecimals(yearly, annual.value) !== 0) {
    const message = 'it is another amount than mincharge; keep the one that is charged.';
    return refuseAt('URDB_CHARGE_TWICE', ['annualmincharge'], message);
  }
  const amount = yearly ?? annual.value;
  if (amount !== null) {
    components.push({
      kind: 'minimum',
      name: 'annual minimum',
      amount,
      per: 'year',
      month: 12,
      of,
    });
  }
  return accept(components);
}
