import type { Statement } from '../../db/connect.ts';
import { readOpenHolds } from '../../db/veeWindows.ts';
import type { OpenHold } from '../../db/veeWindows.ts';
import type { ChargeDelta, ClosedBill } from '../rating/rateChains.ts';

function messageOf(holds: readonly OpenHold[]): string {
  const [first] = holds;
  const more = holds.length === 1 ? '' : ` And ${holds.length - 1} more.`;
  return `${first.message}${more} Correct the readings, or release the decision with a reason.`;
}

/**
 * Closed bills behind which a decision of validation stands open, and why. Prepaid ones are never
 * held: their balance is charged as they run, and a soft check does not stop that.
 */
export async function findHeld(
  tx: Statement,
  closed: readonly ClosedBill[],
): Promise<ReadonlyMap<ChargeDelta, string>> {
  const bills = closed.filter(({ segment }) => segment.agreement.mode === 'postpaid');
  const points = new Set(bills.map(({ segment }) => segment.agreement.servicePointId));
  const holds = Map.groupBy(await readOpenHolds(tx, [...points]), (hold) => hold.servicePointId);
  const held = new Map<ChargeDelta, string>();
  for (const { charge, segment } of bills) {
    const { agreement, period } = segment;
    const own = (holds.get(agreement.servicePointId) ?? []).filter(
      ({ fromMs, toMs }) => fromMs < period.endMs && toMs > period.startMs,
    );
    if (own.length > 0) held.set(charge, messageOf(own));
  }
  return held;
}
