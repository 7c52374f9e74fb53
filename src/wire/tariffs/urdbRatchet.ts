import { lookBackMonthsMax, ratchetsPerDemandMax } from '../../domain/tariff/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { refuseAt } from './imported.ts';
import type { Remarks } from './imported.ts';
import { compareDecimals, isNegativeText, isZeroText, plainDecimal } from './plainDecimal.ts';
import { refuseField } from './urdbRecord.ts';
import type { UrdbRecord, UrdbRefusal } from './urdbRecord.ts';

export type RatchetText = { percent: string; months: number; ofMonths?: number[] };
type Share = { readonly percent: string; readonly wasPercent: boolean };

/** Months before the billed one that a yearly ratchet looks back to. */
const yearBackMonths = 11;

/** Files write 0.35 and 35 for the same share; a share above 1 is read as percent. */
function percentOf(
  value: unknown,
  path: readonly (string | number)[],
): Outcome<Share, UrdbRefusal> {
  const text = plainDecimal(value);
  if (text === null || isNegativeText(text) || (compareDecimals(text, '100') ?? 1) > 0) {
    return refuseField(path, 'a share is between 0 and 1, or 0 and 100 percent; correct it.');
  }
  const isShare = (compareDecimals(text, '1') ?? 1) <= 0;
  const percent = isShare ? (plainDecimal(text, 2) ?? text) : text;
  return accept({ percent, wasPercent: !isShare });
}

function remarkPercent(key: string, shares: readonly Share[], remarks: Remarks): void {
  const found = shares.find(({ wasPercent }) => wasPercent);
  if (found === undefined) return;
  const { percent } = found;
  const message = `${percent} is more than 1, so it is read as ${percent} %, not as a share of 1.`;
  remarks.add('URDB_RATCHET_PERCENT_ASSUMED', [key], message);
}

/** The months from 1 of each percentage that is not 0, in the order in which they come. */
function monthsByPercent(shares: readonly Share[]): ReadonlyMap<string, number[]> {
  const months = new Map<string, number[]>();
  for (const [month, { percent }] of shares.entries()) {
    if (!isZeroText(percent)) months.set(percent, [...(months.get(percent) ?? []), month + 1]);
  }
  return months;
}

/**
 * `demandratchetpercentage`: a share for each month, of that month's peak, where it is one of the
 * 11 before the billed one. Source of whose month it is: NREL ssc, lib_utility_rate_equations.cpp,
 * `get_billing_demand`, which multiplies each month's peak with the percentage of its own month.
 */
function readYearly(record: UrdbRecord, remarks: Remarks): Outcome<RatchetText[], UrdbRefusal> {
  const field = record.get('demandratchetpercentage');
  if (field === undefined) return accept([]);
  const { key, value } = field;
  const raw: unknown[] = Array.isArray(value) ? value : [value];
  if (raw.length !== 12 && raw.length !== 1) {
    return refuseField([key], 'it has a share for each of the 12 months; correct it.');
  }
  const shares: Share[] = [];
  for (const [month, share] of raw.entries()) {
    const percent = percentOf(share, raw.length === 1 ? [key] : [key, month]);
    if (!percent.ok) return percent;
    shares.push(percent.value);
  }
  const months = monthsByPercent(shares);
  if (months.size > ratchetsPerDemandMax) {
    const message = `the shares differ too much; at most ${ratchetsPerDemandMax} are read.`;
    return refuseAt('URDB_TOO_COMPLEX', [key], message);
  }
  remarkPercent(key, shares, remarks);
  const isEveryMonth = months.size === 1 && [...months.values()].flat().length === shares.length;
  return accept(
    [...months].map(([percent, ofMonths]) => ({
      percent,
      months: yearBackMonths,
      ...(!isEveryMonth && { ofMonths }),
    })),
  );
}

/** `lookbackMonths`: 12 flags, the months whose peaks count. */
function readFlags(record: UrdbRecord): Outcome<number[], UrdbRefusal> {
  const field = record.get('lookbackmonths');
  if (field === undefined) return accept([]);
  const { key, value } = field;
  const flags: readonly unknown[] | null = Array.isArray(value) ? value : null;
  if (flags === null || (flags.length !== 12 && flags.length !== 0)) {
    return refuseField([key], 'it has a 0 or 1 for each of the 12 months; correct it.');
  }
  const stray = flags.findIndex((flag) => ![0, 1, false, true].some((known) => known === flag));
  if (stray >= 0) return refuseField([key, stray], 'it is 0 or 1; correct it.');
  return accept(flags.flatMap((flag, month) => (flag === 1 || flag === true ? [month + 1] : [])));
}

/** The newer spelling: `lookbackPercent` of peaks of `lookbackRange` months, or of named ones. */
function readLookback(record: UrdbRecord, remarks: Remarks): Outcome<RatchetText[], UrdbRefusal> {
  const flags = readFlags(record);
  if (!flags.ok) return flags;
  const rangeField = record.get('lookbackrange');
  const range = rangeField === undefined ? 0 : Number(rangeField.value);
  if (!Number.isSafeInteger(range) || range < 0 || range > lookBackMonthsMax) {
    const message = `it is a whole number of months up to ${lookBackMonthsMax}; correct it.`;
    return refuseField([rangeField?.key ?? 'lookbackrange'], message);
  }
  const shareField = record.get('lookbackpercent');
  if (shareField === undefined) {
    if (range === 0 && flags.value.length === 0) return accept([]);
    const message = 'there are months to look back to and no lookbackPercent; add it.';
    return refuseAt('URDB_RATCHET_UNCLEAR', ['lookbackpercent'], message);
  }
  const percent = percentOf(shareField.value, [shareField.key]);
  if (!percent.ok) return percent;
  if (isZeroText(percent.value.percent)) return accept([]);
  if (range === 0 && flags.value.length === 0) {
    const message = 'there is a share and no month to look back to; add lookbackRange or -Months.';
    return refuseAt('URDB_RATCHET_UNCLEAR', [shareField.key], message);
  }
  remarkPercent(shareField.key, [percent.value], remarks);
  return accept([
    {
      percent: percent.value.percent,
      months: range === 0 ? yearBackMonths : range,
      ...(flags.value.length > 0 && { ofMonths: flags.value }),
    },
  ]);
}

/** The ratchets, and the fields that say them. */
export type Ratchets = { readonly ratchets: RatchetText[]; readonly keys: readonly string[] };

export function readRatchets(record: UrdbRecord, remarks: Remarks): Outcome<Ratchets, UrdbRefusal> {
  const yearly = readYearly(record, remarks);
  if (!yearly.ok) return yearly;
  const lookback = readLookback(record, remarks);
  if (!lookback.ok) return lookback;
  const named = [
    ...(yearly.value.length > 0 ? ['demandratchetpercentage'] : []),
    ...(lookback.value.length > 0 ? ['lookbackpercent'] : []),
  ];
  const keys = named.map((name) => record.get(name)?.key ?? name);
  return accept({ ratchets: [...yearly.value, ...lookback.value], keys });
}

function ratchetText({ percent, months, ofMonths }: RatchetText): string {
  const which = ofMonths === undefined ? '' : ` those in month ${ofMonths.join(', ')} of`;
  return `${percent} % of the highest peak of${which} the ${months} months before`;
}

export function remarkRatchets(ratchets: Ratchets, component: string, remarks: Remarks): void {
  const texts = ratchets.ratchets.map(ratchetText).join(', and ');
  const differs = ratchets.ratchets.some(({ ofMonths }) => ofMonths !== undefined);
  const whose = differs ? ' A month’s share is of that month’s peak, in every later bill.' : '';
  const message = `"${component}" bills at least ${texts}.${whose}`;
  remarks.add('URDB_RATCHET_READ', ratchets.keys.slice(0, 1), message);
}
