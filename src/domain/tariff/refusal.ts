import { refuse } from '../outcome.ts';
import type { Refused } from '../outcome.ts';

/** Why a tariff document is refused. */
export type ReportCode =
  | 'TARIFF_MALFORMED'
  | 'DECIMAL_MALFORMED'
  | 'TARIFF_GAP'
  | 'TARIFF_OVERLAP'
  | 'TARIFF_NAME_REPEATED'
  | 'TARIFF_REFERENCE_UNKNOWN'
  | 'TARIFF_PRICE_MISSING'
  | 'TARIFF_TIERS_MALFORMED'
  | 'TARIFF_ALL_ZERO'
  | 'TARIFF_TIME_OFF_GRID'
  | 'TARIFF_ZONE_UNKNOWN'
  | 'TARIFF_CURRENCY_UNKNOWN'
  | 'TARIFF_TOO_COMPLEX';

type Path = readonly (string | number)[];

/**
 * A place in the document that is being read. Whatever is wrong is reported and reading goes on
 * with a stand-in, so that readers stay plain functions; the first report is the document's
 * refusal, and with one nothing that was read is used.
 */
export type Spot = {
  readonly path: Path;
  readonly reported: { first: Refused<ReportCode> | null };
};

export function startAt(path: Path): Spot {
  return { path, reported: { first: null } };
}

export function within(spot: Spot, ...steps: Path): Spot {
  return { path: [...spot.path, ...steps], reported: spot.reported };
}

/** `message` says what is wrong at the spot and what to do. */
export function report(spot: Spot, code: ReportCode, message: string): void {
  const texts = spot.path.map(String);
  const where = texts.length === 0 ? 'The tariff document' : texts.join('.');
  spot.reported.first ??= refuse(code, `${where}: ${message}`, texts);
}

export function refusalAt(spot: Spot): Refused<ReportCode> | null {
  return spot.reported.first;
}

/** Each item with its place. */
export function readEach<In, Out>(
  spot: Spot,
  items: readonly In[],
  read: (spot: Spot, item: In, index: number) => Out,
): readonly Out[] {
  return items.map((item, index) => read(within(spot, index), item, index));
}

export function reportRepeated(spot: Spot, names: readonly string[], field: string | null): void {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) {
      const place = field === null ? within(spot, index) : within(spot, index, field);
      report(place, 'TARIFF_NAME_REPEATED', `the name "${name}" is taken; give each its own name.`);
    }
    seen.add(name);
  }
}
