import { readDailies } from '../../db/notices.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import type { SupplyFacts } from '../../domain/command/supplyFacts.ts';
import type { SupplyFinding } from '../../domain/command/supplyFindings.ts';
import { decideSupply, isCutDue } from '../../domain/command/supplyPolicy.ts';
import type { SupplyDecision } from '../../domain/command/supplyPolicy.ts';
import { forecastPageMax } from '../../domain/command/limits.ts';
import { instantMsMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { dayMs } from '../../domain/time/civil.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { readBreaker, readSupplies } from './supplyFacts.ts';
import type { KnownSupply } from './supplyFacts.ts';

export type Forecast = {
  readonly meterId: number;
  readonly accountId: number | null;
  /** Of then: as it is now, less what ordinary days cost until then. */
  readonly balanceMicros: bigint;
  readonly balanceNowMicros: bigint;
  /** Of an ordinary day; null: nobody knows, or the instant is not to come. */
  readonly dailyMicros: bigint | null;
  readonly action: SupplyDecision['action'];
  /** By the balance of then it is to be cut, and is not cut yet: so findings may prevent it. */
  readonly isDue: boolean;
  /** A cut is what would be done then. */
  readonly wouldBeCut: boolean;
  readonly findings: readonly SupplyFinding[];
};

export type ForecastPage = {
  readonly supplies: readonly Forecast[];
  /** The page is read on after this meter; null: there are no more. */
  readonly nextAfterMeterId: number | null;
};

export type ForecastCode = 'NOT_PERMITTED' | 'INSTANT_OUT_OF_RANGE' | 'PAGE_TOO_LARGE';

type Asked = {
  readonly aheadMs: number;
  /** By account. */
  readonly dailies: ReadonlyMap<number, bigint>;
};

function foretell(meter: KnownSupply, facts: SupplyFacts, { aheadMs, dailies }: Asked): Forecast {
  const { meterId, accountId } = meter;
  const { balanceMicros: balanceNowMicros } = facts;
  const known = accountId === null ? undefined : dailies.get(accountId);
  const dailyMicros = aheadMs > 0 && facts.mode === 'prepaid' ? (known ?? null) : null;
  const used = dailyMicros === null ? 0n : (dailyMicros * BigInt(aheadMs)) / BigInt(dayMs);
  const balanceMicros = balanceNowMicros - used;
  const then = { ...facts, balanceMicros };
  const { action, findings } = decideSupply(then);
  const wouldBeCut = action === 'disconnect' || action === 'limit';
  const balances = { balanceMicros, balanceNowMicros, dailyMicros };
  return { meterId, accountId, ...balances, action, isDue: isCutDue(then), wouldBeCut, findings };
}

/**
 * What the same function would decide over every prepaid supply with a contactor at an instant: of
 * one to come with the balances that the forecast leaves until then. Readings are as old as they
 * are now, and notices those that there are. It asks only: nothing is written.
 */
export async function whoWouldBeCut(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  query: { readonly atMs: number; readonly afterMeterId: number; readonly limit: number },
): Promise<Outcome<ForecastPage, ForecastCode>> {
  if (!isAllowed(viewer.role, 'Query.whoWouldBeCut')) {
    return refuse('NOT_PERMITTED', 'Your role may not see who would be cut. Ask an operator.');
  }
  const { atMs, afterMeterId, limit } = query;
  const nowMs = clock.nowMs();
  if (!(atMs >= 0 && atMs <= instantMsMax)) {
    const message = 'Ask for an instant between 1970 and 2200.';
    return refuse('INSTANT_OUT_OF_RANGE', message, ['at']);
  }
  if (!(limit >= 1 && limit <= forecastPageMax)) {
    return refuse('PAGE_TOO_LARGE', `A page has 1 to ${forecastPageMax} supplies.`, ['first']);
  }
  const { companyId } = viewer;
  const page = { companyId, nowMs, atMs, prepaidAfterMeterId: afterMeterId, limit };
  const { meters, dailies } = await asViewer(sql, viewer, async (tx) => {
    const read = await readSupplies(tx, page);
    const accountIds = [...new Set(read.flatMap(({ accountId }) => accountId ?? []))];
    return { meters: read, dailies: await readDailies(tx, accountIds) };
  });
  const asked = { aheadMs: Math.max(0, Math.floor(atMs - nowMs)), dailies };
  const supplies = meters.flatMap((meter) =>
    meter.facts === null ? [] : [foretell(meter, meter.facts, asked)],
  );
  const last = meters.at(-1);
  const isFull = meters.length === limit && last !== undefined;
  return accept({ supplies, nextAfterMeterId: isFull ? last.meterId : null });
}

export type Standing = {
  readonly meter: KnownSupply;
  readonly facts: SupplyFacts | null;
  readonly decision: SupplyDecision | null;
};

/** Why a supply is on or off: what decides over it now. Null: the viewer has no such meter. */
export async function explainSupply(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  meterId: number,
): Promise<Standing | null> {
  const nowMs = clock.nowMs();
  const { companyId } = viewer;
  return asViewer(sql, viewer, async (tx) => {
    const [meter] = await readSupplies(tx, { companyId, meterId, nowMs });
    if (meter === undefined) return null;
    const { facts, region } = meter;
    if (facts === null) return { meter, facts, decision: null };
    const counted = { ...facts, ...(await readBreaker(tx, { companyId, region, facts })) };
    return { meter, facts: counted, decision: decideSupply(counted) };
  });
}
