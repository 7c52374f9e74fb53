import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { isRecord, parseJsonText, refuseAt } from './imported.ts';
import type { Path } from './imported.ts';

export type UrdbRefusal =
  | 'URDB_TOO_LARGE'
  | 'URDB_NOT_JSON'
  | 'URDB_NOT_ONE_RATE'
  | 'URDB_FIELD_MALFORMED'
  | 'URDB_FIELD_TWICE'
  | 'URDB_SCHEDULE_MISSING'
  | 'URDB_PERIOD_UNKNOWN'
  | 'URDB_RATE_MISSING'
  | 'URDB_PRICE_TOO_FINE'
  | 'URDB_TIERS_MALFORMED'
  | 'URDB_UNIT_UNSUPPORTED'
  | 'URDB_RATCHET_UNCLEAR'
  | 'URDB_CHARGE_TWICE'
  | 'URDB_ALL_ZERO'
  | 'URDB_TOO_COMPLEX'
  | 'URDB_DOCUMENT_REFUSED';

export type UrdbField = { readonly key: string; readonly value: unknown };
/** By the field's name in lower case: files write `dgrules` and `dgRules`. */
export type UrdbRecord = ReadonlyMap<string, UrdbField>;

/** The only item of a list or of an answer of the API. */
function onlyRateOf(
  items: unknown,
  path: Path,
): Outcome<Readonly<Record<string, unknown>>, UrdbRefusal> {
  const rates: readonly unknown[] = Array.isArray(items) ? items : [];
  const [rate] = rates;
  if (rates.length === 1 && isRecord(rate)) return accept(rate);
  const count = rates.length === 1 ? 'one item that is no rate' : `${rates.length} rates`;
  const message =
    `it holds ${count}, and exactly one rate is read; ask for one with getpage=LABEL, or give ` +
    'one of them as a file of its own.';
  return refuseAt('URDB_NOT_ONE_RATE', path, message);
}

/** The one rate: bare, in a list of one, or the only item of an answer of the API. */
function rateOf(value: unknown): Outcome<Readonly<Record<string, unknown>>, UrdbRefusal> {
  if (Array.isArray(value)) return onlyRateOf(value, []);
  if (!isRecord(value)) {
    return refuseAt('URDB_NOT_ONE_RATE', [], 'it holds no rate; give a rate or an API answer.');
  }
  if (!('items' in value)) {
    if (!('energyratestructure' in value) && ('error' in value || 'errors' in value)) {
      const message = 'it is an error of the API instead of a rate; ask for the rate again.';
      return refuseAt('URDB_NOT_ONE_RATE', [], message);
    }
    return accept(value);
  }
  return onlyRateOf(value['items'], ['items']);
}

/** The fields of the rate; those that are null say nothing and are not there. */
export function openUrdb(text: string): Outcome<UrdbRecord, UrdbRefusal> {
  const parsed = parseJsonText(text);
  if (!parsed.ok) return refuseAt(`URDB_${parsed.code}`, [], parsed.message);
  const rate = rateOf(parsed.value);
  if (!rate.ok) return rate;
  const record = new Map<string, UrdbField>();
  for (const [key, value] of Object.entries(rate.value)) {
    if (value === null || value === undefined) continue;
    const name = key.toLowerCase();
    const twin = record.get(name);
    if (twin !== undefined && JSON.stringify(twin.value) !== JSON.stringify(value)) {
      const message = `the field is there twice, as ${twin.key} too, and differs; keep one.`;
      return refuseAt('URDB_FIELD_TWICE', [key], message);
    }
    record.set(name, { key, value });
  }
  return accept(record);
}

export function refuseField(path: Path, message: string) {
  return refuseAt('URDB_FIELD_MALFORMED', path, message);
}
