import type { Transaction } from '../../db/connect.ts';
import { writeDecisions } from '../../db/veeDecisions.ts';
import type { DecisionRow } from '../../db/veeDecisions.ts';
import { importChannel } from '../../domain/channel.ts';
import { checkFinalReplacement } from '../../domain/vee/finalReplacement.ts';
import { validationRules } from '../../domain/vee/ruleName.ts';
import type { ChargeDelta } from '../rating/rateChains.ts';
import { decisionOf } from './decisionRow.ts';
import { loadVeeRules } from './veeSets.ts';

/**
 * Final Measurement Replacement: a closed bill whose energy is other than it was. Money follows the
 * readings to the last Wh, or it would depend on what came first; what is more than the set's
 * tolerance away from the final value is told besides, once for each such change.
 */
export async function noteReplaced(
  tx: Transaction,
  charges: readonly ChargeDelta[],
  nowMs: number,
): Promise<void> {
  const replaced = charges.filter(
    ({ wasClosed, deltaWh, row }) => wasClosed && deltaWh !== 0n && row.openUntilMs === null,
  );
  if (replaced.length === 0) return;
  const rules = await loadVeeRules(
    tx,
    replaced.map(({ row }) => row),
  );
  const decisions = replaced.flatMap(({ row, place, deltaWh }): DecisionRow[] => {
    const { startMs: fromMs, endMs: toMs } = place.period;
    const { on, toleranceBasisPoints } = rules.setAt(row, fromMs).rules.finalReplacement;
    const replacement = { finalWh: row.energyWh - deltaWh, newWh: row.energyWh };
    const seen = on
      ? checkFinalReplacement({ toleranceBasisPoints }, { fromMs, toMs, replacement })
      : null;
    if (seen === null) return [];
    const rule = 'finalReplacement';
    const message = `${validationRules[rule].title}: ${seen.message}`;
    // A change that has happened holds nothing: it is in the ledger as a difference.
    const finding = { ...seen, rule, outcome: 'alert', message } as const;
    const of = { meterId: row.meterId, companyId: row.companyId, channel: importChannel };
    return [decisionOf(of, { kind: 'final', fromMs, toMs }, finding)];
  });
  await writeDecisions(tx, decisions, nowMs);
}
