import {
  findClaim,
  findCountingKeypad,
  findIssuedToken,
  insertChoice,
  lockKeypads,
} from '../../db/keypads.ts';
import type { Transaction } from '../../db/connect.ts';
import { insertAudit } from '../../db/audit.ts';
import { lockAccounts } from '../../db/ledger.ts';
import { asViewer } from '../../db/viewer.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { isUuid } from '../../domain/uuid.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { countPaid } from './giveToken.ts';

export type ChooseKeypadInput = { readonly paymentId: string; readonly meterId: number };

export type ChooseKeypadCode =
  | 'NOT_PERMITTED'
  | 'KEYPAD_CHOICE_CLOSED'
  | 'KEYPAD_CHOSEN'
  | 'KEYPAD_UNKNOWN'
  | 'PAYMENT_HOLDS_NOTHING';

export type ChosenKeypad = {
  readonly paymentId: string;
  readonly meterId: number;
  /** False: it is less than a unit, and carried to the next payment. */
  readonly hasToken: boolean;
  readonly isReplay: boolean;
};

async function choose(
  tx: Transaction,
  viewer: Viewer,
  { paymentId, meterId, nowMs }: ChooseKeypadInput & { readonly nowMs: number },
): Promise<Outcome<ChosenKeypad, ChooseKeypadCode>> {
  const closed = refuse(
    'KEYPAD_CHOICE_CLOSED',
    'There is nothing to choose: no payment of an account with several keypads has this id.',
    ['paymentId'],
  );
  const seen = isUuid(paymentId) ? await findClaim(tx, paymentId) : null;
  if (seen === null) return closed;
  const { accountId } = seen;
  const { companyId, actor } = viewer;
  const [account] = await lockAccounts(tx, { companyId, accountIds: [accountId] });
  const claim = await findClaim(tx, paymentId);
  if (account === undefined || claim === null) return closed;
  const countedBy = await findCountingKeypad(tx, paymentId);
  if (countedBy !== null && countedBy !== meterId) {
    const message = 'Another keypad was chosen for this payment, whose token is out.';
    return refuse('KEYPAD_CHOSEN', message, ['meterId']);
  }
  if (countedBy === meterId) {
    const hasToken = (await findIssuedToken(tx, paymentId)) !== null;
    return accept({ paymentId, meterId, hasToken, isReplay: true });
  }
  const devices = await lockKeypads(tx, { companyId, accountId, atMs: nowMs });
  const device = devices.find((each) => each.meterId === meterId && !each.isRemoved);
  if (device === undefined || device.currency !== account.currency) {
    const message = 'The account has no such keypad in its currency. Choose one of its own.';
    return refuse('KEYPAD_UNKNOWN', message, ['meterId']);
  }
  const { amountMicros } = claim;
  if (amountMicros <= 0n) {
    const message = 'Of this payment all has gone back, or to a debt: it buys no units.';
    return refuse('PAYMENT_HOLDS_NOTHING', message, ['paymentId']);
  }
  const { currency } = account;
  const paid = {
    companyId,
    accountId,
    paymentId,
    currency,
    amountMicros,
    isReceipted: true,
    nowMs,
  };
  await insertChoice(tx, { paymentId, companyId, accountId, meterId, atMs: nowMs, actor });
  const { token } = await countPaid(tx, device, paid);
  await insertAudit(tx, {
    id: derivedId('keypad_chosen', paymentId),
    companyId,
    atMs: nowMs,
    actor,
    action: 'keypad.choose',
    subject: `account/${accountId}`,
    before: null,
    after: { paymentId, meterId, amountMicros: amountMicros.toString(), token },
  });
  return accept({ paymentId, meterId, hasToken: token !== null, isReplay: false });
}

/**
 * Says for which keypad a payment of an account with several was: it gives the token then that it
 * would have given at once. A choice stands, as its token cannot be taken back.
 */
export async function chooseKeypad(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  input: ChooseKeypadInput,
): Promise<Outcome<ChosenKeypad, ChooseKeypadCode>> {
  if (!isAllowed(viewer.role, 'Mutation.chooseKeypad')) {
    return refuse('NOT_PERMITTED', 'Your role may not choose keypads. Ask an operator.');
  }
  const nowMs = clock.nowMs();
  return asViewer(sql, viewer, (tx) => choose(tx, viewer, { ...input, nowMs }));
}
