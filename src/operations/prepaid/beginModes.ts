import { insertAuditOnce } from '../../db/audit.ts';
import { appendEvent, companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
import type { Sql, Transaction } from '../../db/connect.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { findBegunModes, settleModeChange } from '../../db/modeChanges.ts';
import type { BegunMode } from '../../db/modeChanges.ts';
import { endEmergencyCredits } from '../../db/prepaidLife.ts';
import { assert } from '../../domain/assert.ts';
import type { Bell } from '../../domain/bell.ts';
import { formatMicros } from '../../domain/exact.ts';
import { accountsPerSweepMax } from '../../domain/limits.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { derivedId } from '../derivedId.ts';
import { eachApart } from '../eachApart.ts';
import { reviewSupply } from '../reviewSupply.ts';
import type { SupplyReview } from '../reviewSupply.ts';

/** Null: somebody else was here first. */
async function begin(
  tx: Transaction,
  change: BegunMode,
  nowMs: number,
): Promise<SupplyReview | null> {
  const { companyId, accountId, mode, endedId, nextId } = change;
  const accountIds = [accountId];
  const [account] = await lockAccounts(tx, { companyId, accountIds });
  assert(account !== undefined, 'the account of an agreement is there');
  if (!(await settleModeChange(tx, { endedId, nowMs }))) return null;
  if (mode === 'postpaid') {
    // What was lent is owed like everything else from now on.
    await endEmergencyCredits(tx, { companyId, accountId, reason: 'mode_changed', atMs: nowMs });
  }
  const at = instantText(change.at.getTime());
  const told = { mode, at, agreementId: endedId, nextAgreementId: nextId };
  const detail = { what: 'mode_begun', ...told };
  const subjects = [{ ...companySubject, accountId }];
  const news = { companyId, kind: 'notice', atMs: nowMs, subjects, detail } as const;
  const { balanceMicros } = account;
  await appendEvent(tx, plainEvent({ ...news, balanceMicros: [balanceMicros] }));
  await insertAuditOnce(tx, {
    id: derivedId('audit', 'agreement.modeBegun', String(endedId)),
    companyId,
    atMs: nowMs,
    actor: 'mode change',
    action: 'agreement.modeBegun',
    subject: `account/${accountId}`,
    before: null,
    // What the new life begins with: its opening credit, or what is owed.
    after: { ...told, balance: formatMicros(balanceMicros, minorDigitsOf(account.currency) ?? 2) },
  });
  // Of postpaid a cut is taken back; of prepaid one may come, with its own notice.
  return reviewSupply(tx, { companyId, accountIds, nowMs, mayCut: false });
}

/** Closes what the old mode of an account left open, once the new one has begun. */
export async function beginModes({
  sql,
  clock,
  wake,
}: {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
  wake(bell: Bell): void;
}): Promise<{ readonly changes: number }> {
  const nowMs = clock.nowMs();
  let changes = 0;
  const begun = await findBegunModes(sql, { nowMs, limit: accountsPerSweepMax });
  await eachApart(begun, async (change) => {
    const review = await sql.begin((tx) => begin(tx, change, nowMs));
    if (review === null) return;
    changes += 1;
    wake({ kind: 'events', shard: eventShardOf(change.companyId) });
    if (review.commandsRequested) wake({ kind: 'commands' });
  });
  return { changes };
}
