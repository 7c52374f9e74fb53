import { insertTimeDuties } from '../../db/accruals.ts';
import type { Sql, Transaction } from '../../db/connect.ts';
import { findCutSpans, insertIdleDay, readIdleDays } from '../../db/idleDays.ts';
import type { CutSpan } from '../../db/idleDays.ts';
import { holdPrices } from '../../db/tariffVersions.ts';
import { idleLookDays } from '../../domain/prepaid/limits.ts';
import type { IdleSpan } from '../../domain/rating/settlement.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { startOfLocalDayMs } from '../../domain/time/zone.ts';
import { readPolicy } from './accountPolicy.ts';
import { localDayAt } from './recoverDebt.ts';

/** Local days that are over, on which every supply of the place was off from begin to end. */
function wholeDays(
  spans: readonly [CutSpan, ...CutSpan[]],
  { sinceMs, nowMs }: { readonly sinceMs: number; readonly nowMs: number },
): readonly IdleSpan[] {
  const [{ zone, validFrom, validTo, suppliesUntilMs }] = spans;
  const days: IdleSpan[] = [];
  const today = localDayAt(zone, nowMs);
  for (let day = localDayAt(zone, sinceMs) + 1; day < today; day += 1) {
    const fromMs = startOfLocalDayMs(zone, day);
    const toMs = startOfLocalDayMs(zone, day + 1);
    const isAgreed = validFrom.getTime() <= fromMs && (validTo?.getTime() ?? Infinity) >= toMs;
    if (!isAgreed) continue;
    const off = spans.filter(
      ({ from, to }) => from.getTime() <= fromMs && (to?.getTime() ?? Infinity) >= toMs,
    );
    const count = suppliesUntilMs.filter((untilMs) => (untilMs ?? Infinity) > fromMs).length;
    const isDark = count > 0 && new Set(off.map(({ meterId }) => meterId)).size === count;
    if (isDark) days.push({ fromMs, toMs });
  }
  return days;
}

/** The days of one agreement that the policy of then frees; how many of them are new. */
async function note(
  tx: Transaction,
  spans: readonly [CutSpan, ...CutSpan[]],
  given: { readonly days: readonly IdleSpan[]; readonly nowMs: number },
): Promise<number> {
  const [{ agreementId, companyId, accountId, servicePointId }] = spans;
  const known = new Set((await readIdleDays(tx, agreementId)).map(({ fromMs }) => fromMs));
  const fresh: IdleSpan[] = [];
  for (const day of given.days) {
    if (known.has(day.fromMs)) continue;
    const policy = await readPolicy(tx, { accountId, atMs: day.fromMs });
    if (!policy.standingChargeWhileDisconnected) fresh.push(day);
  }
  if (fresh.length === 0) return 0;
  // So that no rating commit underway has read the days without these.
  await holdPrices(tx);
  let firstMs = Infinity;
  let count = 0;
  for (const day of fresh) {
    const row = { ...day, agreementId, companyId, accountId, nowMs: given.nowMs };
    if (!(await insertIdleDay(tx, row))) continue;
    firstMs = Math.min(firstMs, day.fromMs);
    count += 1;
  }
  if (count > 0) {
    await insertTimeDuties(tx, [{ servicePointId, fromDay: Math.floor(firstMs / dayMs) - 1 }]);
  }
  return count;
}

/**
 * Writes down the days on which a cut supply carries no standing charge, each once it is over, and
 * has them rated again. A function of verified changes of the supply and the policy of each day's
 * begin: safe to run at any time and twice.
 */
export async function noteIdleDays({
  sql,
  clock,
}: {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
}): Promise<{ readonly days: number }> {
  const nowMs = clock.nowMs();
  const sinceMs = nowMs - idleLookDays * dayMs;
  const byAgreement = new Map<number, [CutSpan, ...CutSpan[]]>();
  for (const span of await findCutSpans(sql, { sinceMs, nowMs })) {
    const known = byAgreement.get(span.agreementId);
    if (known === undefined) byAgreement.set(span.agreementId, [span]);
    else known.push(span);
  }
  let noted = 0;
  for (const spans of byAgreement.values()) {
    const days = wholeDays(spans, { sinceMs, nowMs });
    if (days.length > 0) noted += await sql.begin((tx) => note(tx, spans, { days, nowMs }));
  }
  return { days: noted };
}
