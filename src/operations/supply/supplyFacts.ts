import type { Statement } from '../../db/connect.ts';
import {
  countRegionCuts,
  isReconciled,
  readAccountRules,
  readRegionRules,
} from '../../db/protections.ts';
import type { AccountRulesRow, RegionRules } from '../../db/protections.ts';
import { readMeterSupplies } from '../../db/supplies.ts';
import type { MeterSupply, SupplyQuery } from '../../db/supplies.ts';
import { assert } from '../../domain/assert.ts';
import type { SupplyFacts } from '../../domain/command/supplyFacts.ts';
import { daysAfterWeatherMax } from '../../domain/prepaid/limits.ts';
import { defaultPolicy, parsePolicy } from '../../domain/prepaid/policy.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';
import { dayMs } from '../../domain/time/civil.ts';

/** A meter's supply with all that decides over it; null facts where nobody has an agreement. */
export type KnownSupply = Omit<MeterSupply, 'facts'> & {
  readonly facts: SupplyFacts | null;
  /** Null: nothing is published, the default holds. */
  readonly policyId: number | null;
};

function policyOf(row: AccountRulesRow | undefined, parsed: Map<number, PrepaidPolicy>) {
  if (row === undefined || row.policyId === null) return defaultPolicy();
  const known = parsed.get(row.policyId);
  if (known !== undefined) return known;
  const policy = parsePolicy(row.document);
  assert(policy.ok, 'a policy is checked when it is published');
  parsed.set(row.policyId, policy.value);
  return policy.value;
}

const noRules: RegionRules = { advisories: [], openTripId: null, resetAtMs: null };

/**
 * Everything that decides over supplies, in a fixed number of statements however many they are.
 * `atMs` is the instant that the rules are asked for; readings are as old as they are now. Cuts of
 * the region are not counted here but by whoever is about to add one.
 */
export async function readSupplies(
  tx: Statement,
  query: SupplyQuery & { readonly atMs?: number },
): Promise<readonly KnownSupply[]> {
  const { companyId, nowMs, atMs = nowMs } = query;
  const meters = await readMeterSupplies(tx, query);
  if (meters.length === 0) return [];
  const accountIds = [...new Set(meters.flatMap(({ accountId }) => accountId ?? []))];
  const rules = await readAccountRules(tx, { accountIds, atMs });
  const regions = await readRegionRules(tx, {
    companyId,
    regions: [...new Set(meters.map(({ region }) => region))],
    // The longest weather can hold a cut back after its end, and a day for zones.
    fromMs: atMs - (daysAfterWeatherMax + 2) * dayMs,
  });
  const reconciled = await isReconciled(tx);
  const parsed = new Map<number, PrepaidPolicy>();
  return meters.map((meter): KnownSupply => {
    const row = meter.accountId === null ? undefined : rules.get(meter.accountId);
    const region = regions.get(meter.region) ?? noRules;
    const facts: SupplyFacts | null =
      meter.facts === null
        ? null
        : {
            ...meter.facts,
            atMs,
            policy: policyOf(row, parsed),
            emergencyCreditMicros: row?.emergencyCreditMicros ?? 0n,
            protections: row?.protections ?? [],
            advisories: region.advisories,
            notice:
              row === undefined
                ? null
                : {
                    sentAtMs: row.noticeSentAt?.getTime() ?? null,
                    deliveredAtMs: row.noticeDeliveredAt?.getTime() ?? null,
                    isGivenUp: row.isNoticeGivenUp,
                  },
            isBreakerTripped: region.openTripId !== null,
            cutsInWindow: 0,
            isReconciled: reconciled,
          };
    return { ...meter, facts, policyId: row?.policyId ?? null };
  });
}

/** What the breaker of a supply's region has seen, under the lock that counts cuts. */
export async function readBreaker(
  tx: Statement,
  query: { readonly companyId: number; readonly region: string; readonly facts: SupplyFacts },
): Promise<{ isBreakerTripped: boolean; cutsInWindow: number }> {
  const { companyId, region, facts } = query;
  const rules = await readRegionRules(tx, { companyId, regions: [region], fromMs: facts.atMs });
  const { openTripId, resetAtMs } = rules.get(region) ?? noRules;
  const windowFromMs = facts.atMs - facts.policy.breaker.windowMs;
  const sinceMs = Math.max(windowFromMs, resetAtMs ?? windowFromMs);
  const cutsInWindow = await countRegionCuts(tx, { companyId, region, sinceMs });
  return { isBreakerTripped: openTripId !== null, cutsInWindow };
}
