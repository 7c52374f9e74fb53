import { insertAuditOnce } from '../../db/audit.ts';
import { companySubject, eventShardOf, plainEvent } from '../../db/events.ts';
import type { EventBlock } from '../../db/events.ts';
import type { Sql, Transaction } from '../../db/connect.ts';
import { lockAccounts } from '../../db/ledger.ts';
import type { AccountHead } from '../../db/ledger.ts';
import { findBegunModes, settleModeChange } from '../../db/modeChanges.ts';
import type { BegunMode } from '../../db/modeChanges.ts';
import { endEmergencyCredits, readPrepaidAccount } from '../../db/prepaidLife.ts';
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

/** What was lent is owed like everything else once nothing of the account is prepaid any more. */
async function endLoans(tx: Transaction, change: BegunMode, nowMs: number): Promise<void> {
  const { companyId, accountId, nextAccountId, mode } = change;
  const end = { companyId, accountId, atMs: nowMs };
  if (nextAccountId === accountId) {
    if (mode === 'postpaid') await endEmergencyCredits(tx, { ...end, reason: 'mode_changed' });
    return;
  }
  const left = await readPrepaidAccount(tx, { accountId, nowMs });
  if (left?.mode !== 'prepaid') await endEmergencyCredits(tx, { ...end, reason: 'place_left' });
}

function money({ balanceMicros, currency }: AccountHead): string {
  return formatMicros(balanceMicros, minorDigitsOf(currency) ?? 2);
}

/** The same account goes on: what it is told of how its new life begins. */
async function noteBegun(
  tx: Transaction,
  change: BegunMode,
  { account, nowMs }: { readonly account: AccountHead; readonly nowMs: number },
): Promise<EventBlock> {
  const { companyId, accountId, mode, endedId, nextId } = change;
  const at = instantText(change.at.getTime());
  const told = { mode, at, agreementId: endedId, nextAgreementId: nextId };
  const detail = { what: 'mode_begun', ...told };
  const subjects = [{ ...companySubject, accountId }];
  const news = { companyId, kind: 'notice', atMs: nowMs, subjects, detail } as const;
  await insertAuditOnce(tx, {
    id: derivedId('audit', 'agreement.modeBegun', String(endedId)),
    companyId,
    atMs: nowMs,
    actor: 'mode change',
    action: 'agreement.modeBegun',
    subject: `account/${accountId}`,
    before: null,
    // Its opening credit, or what is owed.
    after: { ...told, balance: money(account) },
  });
  return plainEvent({ ...news, balanceMicros: [account.balanceMicros] });
}

/** Null: somebody else was here first. */
async function begin(
  tx: Transaction,
  change: BegunMode,
  nowMs: number,
): Promise<SupplyReview | null> {
  const { companyId, accountId, nextAccountId, endedId } = change;
  const accountIds = [...new Set([accountId, nextAccountId])];
  const accounts = await lockAccounts(tx, { companyId, accountIds });
  const account = accounts.find((each) => each.accountId === accountId);
  assert(account !== undefined, 'the account of an agreement is there');
  if (!(await settleModeChange(tx, { endedId, nowMs }))) return null;
  await endLoans(tx, change, nowMs);
  const goesOn = nextAccountId === accountId;
  const tellFirst = goesOn ? [await noteBegun(tx, change, { account, nowMs })] : [];
  // Of postpaid a cut is taken back; of prepaid one may come, with its own notice.
  return reviewSupply(tx, { companyId, accountIds, nowMs, mayCut: false, tellFirst });
}

/** Closes what an agreement left open, once the next one of its place has begun. */
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
