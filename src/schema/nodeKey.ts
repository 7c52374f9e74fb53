import { coded } from './coded.ts';

const idMax = 2_147_483_647; // int4
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const chargePattern = /^[1-9]\d{0,9}\.[1-9]\d{0,9}\.\d{1,15}\.[1-9]\d{0,9}$/;

function malformed(): never {
  throw coded('ID_MALFORMED', 'This is not an id of this API. Send one as it was received.');
}

/** Keys of nodes as they stand inside global ids, checked before Postgres would have to. */
export function integerKey(raw: string | number): number {
  const key = /^[1-9]\d{0,9}$/.test(String(raw)) ? Number(raw) : Number.NaN;
  return key <= idMax ? key : malformed();
}

export function uuidKey(raw: string): string {
  return uuidPattern.test(raw) ? raw : malformed();
}

export function chargeKey(raw: string): string {
  const isInRange = raw.split('.').every((part, at) => at === 2 || Number(part) <= idMax);
  return chargePattern.test(raw) && isInRange ? raw : malformed();
}
