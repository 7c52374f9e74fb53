import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import { appendEvent, companySubject, eventShardOf, plainEvent } from '../db/events.ts';
import { holdName } from '../db/idempotency.ts';
import { postTransfer } from '../db/ledger.ts';
import type { PostedTransfer, SingleTransfer } from '../db/ledger.ts';
import { findLedgerTransfer, findSides } from '../db/ledgerReads.ts';
import type { LedgerTransfer } from '../db/ledgerReads.ts';
import { readPrepaidAccount } from '../db/prepaidLife.ts';
import { asViewer } from '../db/viewer.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { isUuid } from '../domain/uuid.ts';
import { derivedId } from './derivedId.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';
import { repayEmergencyCredit } from './prepaid/onCredit.ts';
import { refuseReason } from './refuseReason.ts';
import type { ReasonCode } from './refuseReason.ts';
import { reviewSupply } from './reviewSupply.ts';
import { isApproved } from './twoPeople.ts';
import type { MoneyAsked, TwoPeopleCode } from './twoPeople.ts';

/** Money that a person moves: once for its key, with a reason, and above a limit by two people. */

export type ByHandRequest = {
  /** Of the request, not of the person: the second one sends the same again under the same key. */
  readonly idempotencyKey: string;
  /** In the person's words. */
  readonly reason: string;
  /** Plain decimal text; without it, where that may be, all there is. */
  readonly amount?: string;
};

export type ByHandCode = KeyCode | ReasonCode | TwoPeopleCode;

/** The transfer to make, and whether it gives the customer something. */
export type ByHandTransfer = Omit<
  SingleTransfer,
  'id' | 'companyId' | 'postedAtMs' | 'paymentId' | 'reasonCode'
> & { readonly reasonCode: string };

export type MovedByHand = {
  readonly transferId: string;
  readonly accountId: number | null;
  readonly currency: string;
  readonly amountMicros: bigint;
  /** Waiting: nothing has moved, somebody else has to say the same. */
  readonly state: 'posted' | 'waiting';
  /** Of the customer, now; null when the transfer is of no customer. */
  readonly balanceMicros: bigint | null;
  readonly isReplay: boolean;
};

function isSameTransfer(known: LedgerTransfer, asked: ByHandTransfer): boolean {
  return (
    known.amountMicros === asked.amountMicros &&
    known.debitId === asked.debitId &&
    known.creditId === asked.creditId &&
    known.reasonCode === asked.reasonCode &&
    known.code === asked.code &&
    known.corrects === (asked.corrects ?? null)
  );
}

type Posting = {
  readonly viewer: Viewer;
  readonly request: ByHandRequest;
  readonly action: string;
  readonly transferId: string;
  readonly nowMs: number;
};

function toApprove(
  { viewer, request, transferId, nowMs }: Posting,
  { debitId, creditId, amountMicros, currency, code, reasonCode, corrects }: ByHandTransfer,
): MoneyAsked {
  return {
    viewer,
    name: `transfer/${transferId}`,
    content: (micros) => [debitId, creditId, String(micros), code, reasonCode, corrects ?? ''],
    amountMicros,
    currency,
    isAmountNamed: request.amount !== undefined,
    reason: request.reason,
    nowMs,
  };
}

async function record(
  tx: Transaction,
  { viewer, request, action, transferId, nowMs }: Posting,
  transfer: ByHandTransfer,
  { balanceMicros }: PostedTransfer,
): Promise<{ readonly commandsRequested: boolean }> {
  const { companyId } = viewer;
  const { accountId, amountMicros, currency, code, reasonCode } = transfer;
  const sides = await findSides(tx, transfer);
  let gainedMicros = 0n;
  if (sides.credit === 'customer') gainedMicros = amountMicros;
  if (sides.debit === 'customer') gainedMicros = -amountMicros;
  const before = balanceMicros === null ? null : balanceMicros - gainedMicros;
  await insertAudit(tx, {
    id: derivedId('audit', transferId),
    companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action,
    subject: accountId === null ? `transfer/${transferId}` : `account/${accountId}`,
    before: { balanceMicros: before?.toString() ?? null },
    after: {
      balanceMicros: balanceMicros?.toString() ?? null,
      transferId,
      amountMicros: amountMicros.toString(),
      debit: sides.debit,
      credit: sides.credit,
      corrects: transfer.corrects ?? null,
      reasonCode,
      reason: request.reason.trim(),
    },
  });
  if (accountId === null || balanceMicros === null) return { commandsRequested: false };
  await appendEvent(
    tx,
    plainEvent({
      companyId,
      kind: 'adjustment',
      atMs: nowMs,
      subjects: [{ ...companySubject, accountId }],
      detail: { transferId, code, reasonCode, amountMicros: amountMicros.toString(), currency },
      balanceMicros: [balanceMicros],
    }),
  );
  // A debit asks for no cut: one by hand must not switch anybody off before they have heard of it.
  // The sweep decides in its own time, with its notice.
  if (gainedMicros <= 0n) return { commandsRequested: false };
  const account = await readPrepaidAccount(tx, { accountId, nowMs });
  if (account !== null) await repayEmergencyCredit(tx, account, nowMs);
  return reviewSupply(tx, { companyId, accountIds: [accountId], nowMs });
}

/**
 * Runs one request of a person. `prepare` locks the account, checks the request and says which
 * transfer it comes to. Of a repeat it is given the transfer that stands, which it checks no more.
 */
export async function postByHand<Code extends string>(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  { request, action }: { readonly request: ByHandRequest; readonly action: string },
  prepare: (
    tx: Transaction,
    known: LedgerTransfer | null,
  ) => Promise<Outcome<ByHandTransfer, Code>>,
): Promise<Outcome<MovedByHand, Code | ByHandCode>> {
  if (!isUuid(request.idempotencyKey)) {
    return refuse('IDEMPOTENCY_KEY_MALFORMED', 'The idempotency key is a UUID made by the client.');
  }
  const refusedReason = refuseReason(request.reason);
  if (refusedReason !== null) return refusedReason;
  const { companyId } = viewer;
  const key = request.idempotencyKey.toLowerCase();
  const transferId = derivedId(action, String(companyId), key);
  const posting = { viewer, request, action, transferId, nowMs: clock.nowMs() };
  let hasNews = false;
  let commandsRequested = false;
  const work = async (tx: Transaction): Promise<Outcome<MovedByHand, Code | ByHandCode>> => {
    await holdName(tx, transferId);
    const known = await findLedgerTransfer(tx, { companyId, id: transferId });
    const prepared = await prepare(tx, known);
    if (!prepared.ok) return prepared;
    const transfer = prepared.value;
    const { accountId, currency, amountMicros } = transfer;
    const moved = { transferId, accountId, currency, amountMicros };
    if (known !== null && !isSameTransfer(known, transfer)) {
      const message =
        'This key belongs to a request with other input, which stands. Use a new key.';
      return refuse('IDEMPOTENCY_KEY_REUSED', message);
    }
    const isNew = known === null;
    const approved = isNew ? await isApproved(tx, toApprove(posting, transfer)) : accept(true);
    if (!approved.ok) return approved;
    if (!approved.value) {
      return accept({ ...moved, state: 'waiting', balanceMicros: null, isReplay: false });
    }
    const { nowMs } = posting;
    const row = { ...transfer, id: transferId, companyId, postedAtMs: nowMs };
    const posted = await postTransfer(tx, row);
    if (isNew) {
      hasNews = true;
      ({ commandsRequested } = await record(tx, posting, transfer, posted));
    }
    return accept({
      ...moved,
      state: 'posted',
      balanceMicros: posted.balanceMicros,
      isReplay: !isNew,
    });
  };
  const outcome = await asViewer(sql, viewer, work);
  if (hasNews) wake({ kind: 'events', shard: eventShardOf(companyId) });
  if (commandsRequested) wake({ kind: 'commands' });
  return outcome;
}
