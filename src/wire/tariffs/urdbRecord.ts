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

/** The one rate: bare, or the only item of an answer of the API. */
function rateOf(value: unknown): Outcome<Readonly<Record<string, unknown>>, UrdbRefusal> {
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
  const { items } = value;
  const [item, ...others] = Array.isArray(items) ? items : [];
  if (!isRecord(item) || others.length > 0) {
    const message = 'an answer with exactly one rate is read; ask for one with getpage=LABEL.';
    return refuseAt('URDB_NOT_ONE_RATE', ['items'], message);
  }
  return accept(item);
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
