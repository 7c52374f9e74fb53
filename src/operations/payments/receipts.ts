import type { Transaction } from '../../db/connect.ts';
import type { Json } from '../../db/events.ts';
import { insertReceipt } from '../../db/payments.ts';
import type { PaymentChannel, PaymentRow } from '../../db/payments.ts';
import type { CountedByKeypad } from '../keypad/giveToken.ts';

export type ReceiptFacts = {
  readonly number: bigint;
  readonly channel: PaymentChannel;
  readonly payment: Pick<PaymentRow, 'id' | 'companyId' | 'currency' | 'reference'>;
  /** The step that the receipt is for. */
  readonly ordinal: number;
  readonly accountId: number;
  readonly paidMicros: bigint;
  readonly toDebtMicros: bigint;
  /** What the keypad device of the account makes of it, without a token's digits. */
  readonly keypad: CountedByKeypad | null;
  /** After the payment and all that it brought about. */
  readonly balanceMicros: bigint;
  readonly issuedAtMs: number;
};

/** Amounts are micros as text: a receipt is read back to the same digits. */
function documentOf(facts: ReceiptFacts): Json {
  const token = facts.keypad?.token ?? null;
  return {
    number: facts.number.toString(),
    paymentId: facts.payment.id,
    channel: facts.channel.name,
    reference: facts.payment.reference,
    currency: facts.payment.currency,
    paidMicros: facts.paidMicros.toString(),
    toDebtMicros: facts.toDebtMicros.toString(),
    toEnergyMicros: (facts.paidMicros - facts.toDebtMicros).toString(),
    balanceMicros: facts.balanceMicros.toString(),
    ...(token !== null && { token }),
    issuedAt: new Date(facts.issuedAtMs).toISOString(),
  };
}

/** What the customer is given for money. The number was taken by `takeReceiptNumber`. */
export async function issueReceipt(tx: Transaction, facts: ReceiptFacts): Promise<void> {
  await insertReceipt(tx, {
    companyId: facts.payment.companyId,
    number: facts.number,
    paymentId: facts.payment.id,
    ordinal: facts.ordinal,
    accountId: facts.accountId,
    keypadMeterId: facts.keypad?.meterId ?? null,
    document: documentOf(facts),
    issuedAtMs: facts.issuedAtMs,
  });
}
