import type { Transaction } from '../db/connect.ts';
import { holdName } from '../db/idempotency.ts';
import { lockAccounts } from '../db/ledger.ts';
import {
  findLedgerTransfer,
  findSides,
  standingOfTransfers,
  sumOfAccountLedger,
} from '../db/ledgerReads.ts';
import type { LedgerTransfer } from '../db/ledgerReads.ts';
import { lockPayment, readSteps } from '../db/payments.ts';
import { ratedTransferCodes } from '../db/tables/ledger.ts';
import type { TransferCode } from '../db/tables/ledger.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { parseMicros } from '../domain/exact.ts';
import type { CorrectionReason } from '../domain/ledger/reasonCode.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { moneyText } from '../domain/tariff/currency.ts';
import type { RequestDeps } from './onceByKey.ts';
import { isGiving, leftOfPayment } from './payments/leftOfPayment.ts';
import { postByHand } from './postByHand.ts';
import type { ByHandCode, ByHandRequest, ByHandTransfer, MovedByHand } from './postByHand.ts';

export type CorrectTransferInput = ByHandRequest & {
  readonly transferId: string;
  readonly reasonCode: CorrectionReason;
};

export type CorrectTransferCode =
  | ByHandCode
  | 'NOT_PERMITTED'
  | 'TRANSFER_NOT_FOUND'
  | 'TRANSFER_IS_RATED'
  | 'AMOUNT_MALFORMED'
  | 'AMOUNT_NOT_POSITIVE'
  | 'CORRECTION_ABOVE_TRANSFER'
  | 'CORRECTION_ABOVE_DEBT'
  | 'VOUCHER_SALE_STANDS';

async function lockTransfer(tx: Transaction, transfer: LedgerTransfer): Promise<void> {
  const { companyId, accountId, paymentId, id } = transfer;
  if (paymentId !== null) await lockPayment(tx, paymentId);
  if (accountId === null) await holdName(tx, `correct/${id}`);
  else await lockAccounts(tx, { companyId, accountIds: [accountId] });
}

/** Of what a payment gave, what went back to the payer is not corrected as well. */
async function leftOf(tx: Transaction, { id, paymentId }: LedgerTransfer): Promise<bigint> {
  const standing = await standingOfTransfers(tx, [id]);
  if (paymentId === null) return standing;
  const steps = await readSteps(tx, [paymentId]);
  if (!steps.some((step) => step.transferId === id && isGiving(step))) return standing;
  const left = await leftOfPayment(tx, steps);
  if (left >= standing) return standing;
  return left > 0n ? left : 0n;
}

function amountOf(
  input: CorrectTransferInput,
  wholeMicros: bigint,
): Outcome<bigint, CorrectTransferCode> {
  if (input.amount === undefined) return accept(wholeMicros);
  const parsed = parseMicros(input.amount);
  if (!parsed.ok) return refuse('AMOUNT_MALFORMED', parsed.message, ['amount']);
  if (parsed.value <= 0n) {
    const message = 'What is taken back is above zero; the direction is the other way by itself.';
    return refuse('AMOUNT_NOT_POSITIVE', message, ['amount']);
  }
  return parsed;
}

function isRated(code: TransferCode): boolean {
  const rated: readonly TransferCode[] = ratedTransferCodes;
  return rated.includes(code);
}

/** What other operations have built on a transfer: a part of it that is not there any more. */
async function refuseBuiltOn(
  tx: Transaction,
  wrong: LedgerTransfer,
  amountMicros: bigint,
): Promise<Refused<CorrectTransferCode> | null> {
  if (wrong.code === 'voucher_sold') {
    const message =
      'Whoever has the voucher may use it while it counts as sold. Revoke it; nothing was posted.';
    return refuse('VOUCHER_SALE_STANDS', message, ['transferId']);
  }
  const { accountId, debitId } = wrong;
  if (accountId === null || (await findSides(tx, wrong)).debit !== 'debt') return null;
  const debtMicros = -(await sumOfAccountLedger(tx, { accountId, ledgerId: debitId }));
  if (amountMicros <= debtMicros) return null;
  const left = moneyText(debtMicros, wrong.currency);
  const message = `Of the debt ${left} are left; no more of it is taken back.`;
  return refuse('CORRECTION_ABOVE_DEBT', message, ['amount']);
}

async function prepare(
  tx: Transaction,
  companyId: number,
  { input, posted }: { input: CorrectTransferInput; posted: LedgerTransfer | null },
): Promise<Outcome<ByHandTransfer, CorrectTransferCode>> {
  const wrong = await findLedgerTransfer(tx, { companyId, id: input.transferId });
  if (wrong === null) {
    const message = 'You have no such transfer. Check its id; nothing was posted.';
    return refuse('TRANSFER_NOT_FOUND', message, ['transferId']);
  }
  if (wrong.agreementId !== null || isRated(wrong.code)) {
    const message =
      'The transfer follows from readings and prices. Correct the reading, the register or the ' +
      'tariff, and it corrects itself; goodwill is an adjustment of the balance.';
    return refuse('TRANSFER_IS_RATED', message, ['transferId']);
  }
  await lockTransfer(tx, wrong);
  const leftMicros = await leftOf(tx, wrong);
  const amount = amountOf(input, posted?.amountMicros ?? leftMicros);
  if (!amount.ok) return amount;
  if (posted === null && (amount.value > leftMicros || leftMicros === 0n)) {
    const left = moneyText(leftMicros, wrong.currency);
    const message = `Of this transfer ${left} are left to correct, no more.`;
    return refuse('CORRECTION_ABOVE_TRANSFER', message, ['amount']);
  }
  const builtOn = posted === null ? await refuseBuiltOn(tx, wrong, amount.value) : null;
  if (builtOn !== null) return builtOn;
  return accept({
    accountId: wrong.accountId,
    currency: wrong.currency,
    debitId: wrong.creditId,
    creditId: wrong.debitId,
    amountMicros: amount.value,
    code: 'correction',
    corrects: wrong.id,
    reasonCode: input.reasonCode,
  });
}

/**
 * Takes a transfer back, wholly or in part, by another one the other way. Several corrections of
 * one transfer never come to more than it moved, nor with its payment's refunds to more than was
 * paid; a correction is corrected like any other.
 */
export async function correctTransfer(
  deps: RequestDeps,
  viewer: Viewer,
  input: CorrectTransferInput,
): Promise<Outcome<MovedByHand, CorrectTransferCode>> {
  if (!isAllowed(viewer.role, 'Mutation.correctTransfer')) {
    return refuse('NOT_PERMITTED', 'Your role may not correct transfers. Ask an operator.');
  }
  const asked = { request: input, action: 'transfer.correct' };
  return postByHand(deps, viewer, asked, (tx, posted) =>
    prepare(tx, viewer.companyId, { input, posted }),
  );
}
