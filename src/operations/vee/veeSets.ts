import type { Statement } from '../../db/connect.ts';
import { readVeeMeters, readVeeSets } from '../../db/veeFacts.ts';
import type { VeeMeterRow } from '../../db/veeFacts.ts';
import { assert } from '../../domain/assert.ts';
import type { CustomerClass } from '../../domain/vee/classDefaults.ts';
import { defaultVeeSet, parseVeeSet } from '../../domain/vee/set.ts';
import type { VeeSet } from '../../domain/vee/set.ts';

type DatedSet = { readonly validFromMs: number; readonly set: VeeSet };

/** The rules that hold for some meters, whenever. */
export type VeeRules = {
  meterOf(meterId: number): VeeMeterRow;
  /** Of a meter's customer class, for readings of an instant. */
  setAt(meter: { readonly meterId: number; readonly companyId: number }, atMs: number): VeeSet;
};

/** Sets are facts beside the log: the latest published of those that have begun counts. */
export async function loadVeeRules(
  tx: Statement,
  meters: readonly { readonly meterId: number; readonly companyId: number }[],
): Promise<VeeRules> {
  const known = await readVeeMeters(tx, [...new Set(meters.map(({ meterId }) => meterId))]);
  const companies = [...new Set(meters.map(({ companyId }) => companyId))];
  const published = new Map<string, DatedSet[]>();
  for (const { companyId, customerClass, validFromMs, document } of await readVeeSets(
    tx,
    companies,
  )) {
    const set = parseVeeSet(document);
    assert(set.ok, 'a set is checked when it is published');
    const key = `${companyId}/${customerClass}`;
    const dated = published.get(key) ?? [];
    dated.push({ validFromMs, set: set.value });
    published.set(key, dated);
  }
  const defaults = new Map<CustomerClass, VeeSet>();
  const defaultOf = (customerClass: CustomerClass): VeeSet => {
    const set = defaults.get(customerClass) ?? defaultVeeSet(customerClass);
    defaults.set(customerClass, set);
    return set;
  };
  const meterOf = (meterId: number): VeeMeterRow => {
    const meter = known.get(meterId);
    assert(meter !== undefined, 'a validated meter is registered');
    return meter;
  };
  return {
    meterOf,
    setAt({ meterId, companyId }, atMs) {
      const { customerClass } = meterOf(meterId);
      const dated = published.get(`${companyId}/${customerClass}`) ?? [];
      const begun = dated.findLast(({ validFromMs }) => validFromMs <= atMs);
      return begun?.set ?? defaultOf(customerClass);
    },
  };
}
