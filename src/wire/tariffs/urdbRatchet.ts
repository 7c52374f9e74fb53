import { lookBackMonthsMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { refuseAt } from './imported.ts';
import { compareDecimals, isNegativeText, isZeroText, plainDecimal } from './plainDecimal.ts';
import { refuseField } from './urdbRecord.ts';
import type { UrdbRecord, UrdbRefusal } from './urdbRecord.ts';

export type RatchetText = { percent: string; months: number; ofMonths?: number[] };

/** Months before the billed one that a yearly ratchet looks back to. */
const yearBackMonths = 11;

/** Files write 0.35 and 35 for the same share; a share above 1 is read as percent. */
function percentOf(
  value: unknown,
  path: readonly (string | number)[],
): Outcome<string, UrdbRefusal> {
  const text = plainDecimal(value);
  if (text === null || isNegativeText(text) || (compareDecimals(text, '100') ?? 1) > 0) {
    return refuseField(path, 'a share is between 0 and 1, or 0 and 100 percent; correct it.');
  }
  const isShare = (compareDecimals(text, '1') ?? 1) <= 0;
  return accept(isShare ? (plainDecimal(text, 2) ?? text) : text);
}

/** `demandratchetpercentage`: a share for each month of the highest peak of the 11 before it. */
function readYearly(record: UrdbRecord): Outcome<RatchetText[], UrdbRefusal> {
  const field = record.get('demandratchetpercentage');
  if (field === undefined) return accept([]);
  const { key, value } = field;
  const shares: unknown[] = Array.isArray(value) ? value : [value];
  if (shares.length !== 12 && shares.length !== 1) {
    return refuseField([key], 'it has a share for each of the 12 months; correct it.');
  }
  const percents = new Set<string>();
  for (const [month, share] of shares.entries()) {
    const percent = percentOf(share, [key, month]);
    if (!percent.ok) return percent;
    percents.add(percent.value);
  }
  const [percent = '0', ...others] = percents;
  if (others.length > 0) {
    const message =
      'the shares of the months differ, and the format does not say whether they are of the ' +
      'billed month or of the month of the peak; write the ratchet into the document by hand.';
    return refuseAt('URDB_RATCHET_UNCLEAR', [key], message);
  }
  return accept(isZeroText(percent) ? [] : [{ percent, months: yearBackMonths }]);
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
function readLookback(record: UrdbRecord): Outcome<RatchetText[], UrdbRefusal> {
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
  if (isZeroText(percent.value)) return accept([]);
  if (range === 0 && flags.value.length === 0) {
    const message = 'there is a share and no month to look back to; add lookbackRange or -Months.';
    return refuseAt('URDB_RATCHET_UNCLEAR', [shareField.key], message);
  }
  return accept([
    {
      percent: percent.value,
      months: range === 0 ? yearBackMonths : range,
      ...(flags.value.length > 0 && { ofMonths: flags.value }),
    },
  ]);
}

export function readRatchets(record: UrdbRecord): Outcome<RatchetText[], UrdbRefusal> {
  const yearly = readYearly(record);
  if (!yearly.ok) return yearly;
  const lookback = readLookback(record);
  if (!lookback.ok) return lookback;
  return accept([...yearly.value, ...lookback.value]);
}
