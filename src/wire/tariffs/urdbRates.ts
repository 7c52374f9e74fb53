import { tiersPerPriceMax } from '../../domain/tariff/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { TariffText } from '../../domain/tariff/shape.ts';
import { isRecord, refuseAt } from './imported.ts';
import type { Path, Remarks } from './imported.ts';
import { compareDecimals, isPriceText, plainDecimal, sumOfDecimals } from './plainDecimal.ts';
import { refuseField } from './urdbRecord.ts';
import type { UrdbField, UrdbRefusal } from './urdbRecord.ts';

export type ComponentText = TariffText['components'][number];

/** A rate structure: tiers by period, not yet looked into. */
export type Structure = {
  readonly key: string;
  readonly periods: readonly (readonly Readonly<Record<string, unknown>>[])[];
};

export type Tier = {
  /** Rate and adjustment together; currency a unit of energy or demand. */
  readonly price: string;
  /** What the file says; the last one's is not applied. */
  readonly max: string | null;
  /** Paid for export. */
  readonly sell: string | null;
  /** Of `max`; in lower case without spaces. */
  readonly unit: string | null;
};

export type PriceText = string | { upTo?: string; price: string }[];

export function openStructure(field: UrdbField): Outcome<Structure, UrdbRefusal> {
  const { key, value } = field;
  if (!Array.isArray(value)) return refuseField([key], 'it is a list of periods; correct it.');
  const periods: Readonly<Record<string, unknown>>[][] = [];
  for (const [index, period] of value.entries()) {
    if (!Array.isArray(period)) {
      return refuseField([key, index], 'a period is a list of tiers; correct it.');
    }
    const tiers: Readonly<Record<string, unknown>>[] = [];
    for (const [position, tier] of period.entries()) {
      if (!isRecord(tier)) {
        return refuseField([key, index, position], 'a tier has fields such as rate; correct it.');
      }
      tiers.push(tier);
    }
    periods.push(tiers);
  }
  return accept({ key, periods });
}

const tierFields = ['rate', 'adj', 'max', 'sell', 'unit', 'name'];

/** A number of the tier as text; null where there is none. */
function numberOf(
  tier: Readonly<Record<string, unknown>>,
  name: string,
  path: Path,
): Outcome<string | null, UrdbRefusal> {
  const value = tier[name];
  if (value === undefined || value === null) return accept(null);
  const text = plainDecimal(value);
  if (text === null) return refuseField([...path, name], 'it is not a number; correct it.');
  return accept(text);
}

export function fineEnough(text: string | null, path: Path): Outcome<string, UrdbRefusal> {
  if (text !== null && isPriceText(text)) return accept(text);
  const shown = text === null ? 'the sum' : text;
  const message = `${shown} has more than 8 decimals and prices are not rounded; shorten it.`;
  return refuseAt('URDB_PRICE_TOO_FINE', path, message);
}

function priceOf(
  tier: Readonly<Record<string, unknown>>,
  path: Path,
  remarks: Remarks,
): Outcome<string, UrdbRefusal> {
  const rate = numberOf(tier, 'rate', path);
  if (!rate.ok) return rate;
  const adjustment = numberOf(tier, 'adj', path);
  if (!adjustment.ok) return adjustment;
  if (rate.value === null && adjustment.value === null) {
    const message = 'the tier has neither rate nor adj; write 0 for a price of nothing.';
    return refuseAt('URDB_RATE_MISSING', path, message);
  }
  if (rate.value === null) {
    remarks.add('URDB_RATE_ABSENT', path, 'there is no rate; the adjustment alone is the price.');
  }
  return fineEnough(sumOfDecimals(rate.value ?? '0', adjustment.value ?? '0'), path);
}

function parseTier(
  tier: Readonly<Record<string, unknown>>,
  path: Path,
  remarks: Remarks,
): Outcome<Tier, UrdbRefusal> {
  const price = priceOf(tier, path, remarks);
  if (!price.ok) return price;
  const sell = numberOf(tier, 'sell', path);
  if (!sell.ok) return sell;
  const { max, unit } = tier;
  const stray = Object.keys(tier).find((name) => !tierFields.includes(name));
  if (stray !== undefined) {
    remarks.add('URDB_FIELD_UNKNOWN', [...path, stray], 'the field is not known and is left out.');
  }
  return accept({
    price: price.value,
    max: max === undefined || max === null ? null : (plainDecimal(max) ?? 'unreadable'),
    sell: sell.value,
    unit: typeof unit === 'string' ? unit.toLowerCase().replaceAll(/\s/g, '') : null,
  });
}

/** Every limit above the one before it; the last tier is open whatever the file says. */
function checkLimits(tiers: readonly Tier[], path: Path): Outcome<null, UrdbRefusal> {
  let below = '0';
  for (const [position, tier] of tiers.slice(0, -1).entries()) {
    const order = tier.max === null ? null : compareDecimals(tier.max, below);
    if (tier.max === null || order === null || order <= 0 || !isPriceText(tier.max)) {
      const message = `only the last tier is open; give max a number above ${below}.`;
      return refuseAt('URDB_TIERS_MALFORMED', [...path, position, 'max'], message);
    }
    below = tier.max;
  }
  return accept(null);
}

function parsePeriod(
  structure: Structure,
  index: number,
  remarks: Remarks,
): Outcome<readonly Tier[], UrdbRefusal> {
  const path = [structure.key, index];
  const raw = structure.periods[index] ?? [];
  if (raw.length === 0) {
    const message = 'the schedule uses this period, which has no rate; add one.';
    return refuseAt('URDB_RATE_MISSING', path, message);
  }
  if (raw.length > tiersPerPriceMax) {
    const message = `${raw.length} tiers are too many; at most ${tiersPerPriceMax} are read.`;
    return refuseAt('URDB_TOO_COMPLEX', path, message);
  }
  const tiers: Tier[] = [];
  for (const [position, tier] of raw.entries()) {
    const parsed = parseTier(tier, [...path, position], remarks);
    if (!parsed.ok) return parsed;
    tiers.push(parsed.value);
  }
  const limits = checkLimits(tiers, path);
  return limits.ok ? accept(tiers) : limits;
}

/** The tiers of the periods that the schedule uses; others are never billed. */
export function parsePeriods(
  structure: Structure,
  used: readonly number[],
  remarks: Remarks,
): Outcome<ReadonlyMap<number, readonly Tier[]>, UrdbRefusal> {
  const periods = new Map<number, readonly Tier[]>();
  let opened: string | null = null;
  for (const index of used) {
    const tiers = parsePeriod(structure, index, remarks);
    if (!tiers.ok) return tiers;
    periods.set(index, tiers.value);
    opened ??= tiers.value.at(-1)?.max ?? null;
  }
  if (opened !== null) {
    const message = `the last tier ends at ${opened}; use beyond it has a price too: it is open.`;
    remarks.add('URDB_LAST_TIER_OPENED', [structure.key], message);
  }
  return accept(periods);
}

export function priceText(tiers: readonly Tier[], priceOfTier: (tier: Tier) => string): PriceText {
  const prices = tiers.map(priceOfTier);
  const [first = '0'] = prices;
  if (prices.length === 1) return first;
  return tiers.map((tier, index) => ({
    ...(index < tiers.length - 1 && tier.max !== null && { upTo: tier.max }),
    price: prices[index] ?? first,
  }));
}
