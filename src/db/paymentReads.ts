import type { Statement } from './connect.ts';
import { timeBounds } from './page.ts';
import type { TimePage } from './page.ts';
import { readReceipts, readSteps } from './payments.ts';
import type { ChannelKind, PaymentStepRow, ReceiptRow } from './payments.ts';

/** Payments as a viewer sees them: statements for `asViewer`. */

type PaymentHead = {
  readonly id: string;
  readonly reference: string;
  readonly currency: string;
  readonly channelName: string;
  readonly channelKind: ChannelKind;
  readonly startedAt: Date;
};

export type PaymentView = PaymentHead & {
  readonly steps: readonly PaymentStepRow[];
  readonly receipts: readonly ReceiptRow[];
};

function headColumns(tx: Statement) {
  return tx`
    p.id, p.reference, p.currency, c.name as "channelName", c.kind as "channelKind",
    p.started_at as "startedAt"
    from payment p join payment_channel c on c.id = p.channel_id`;
}

async function withSteps(tx: Statement, heads: readonly PaymentHead[]): Promise<PaymentView[]> {
  const ids = heads.map(({ id }) => id);
  const steps = Map.groupBy(await readSteps(tx, ids), (step) => step.paymentId);
  const receipts = Map.groupBy(await readReceipts(tx, ids), (receipt) => receipt.paymentId);
  return heads.map((head) => ({
    ...head,
    steps: steps.get(head.id) ?? [],
    receipts: receipts.get(head.id) ?? [],
  }));
}

export async function findPayments(
  tx: Statement,
  ids: readonly string[],
): Promise<readonly PaymentView[]> {
  const heads = await tx<PaymentHead[]>`
    select ${headColumns(tx)} where p.id = any(string_to_array(${ids.join(',')}, ',')::uuid[])`;
  return withSteps(tx, heads);
}

async function pageOf(
  tx: Statement,
  page: TimePage,
  filter: ReturnType<Statement>,
): Promise<PaymentView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  const heads = await tx<PaymentHead[]>`
    select ${headColumns(tx)}
    where ${filter}
      and (p.started_at, p.id::text) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (p.started_at, p.id::text) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by p.started_at ${page.inverted ? tx`` : tx`desc`},
             p.id::text ${page.inverted ? tx`` : tx`desc`}
    limit ${page.limit}`;
  return withSteps(tx, heads);
}

/** Newest first; those that were allocated to the account later, too. */
export async function pagePayments(
  tx: Statement,
  accountId: number,
  page: TimePage,
): Promise<PaymentView[]> {
  return pageOf(
    tx,
    page,
    tx`(p.account_id = ${accountId} or exists (
          select from payment_step s where s.payment_id = p.id and s.kind = 'allocated'
            and s.account_id = ${accountId}))`,
  );
}

/** Money in suspense, newest first. */
export async function pageUnallocated(tx: Statement, page: TimePage): Promise<PaymentView[]> {
  return pageOf(
    tx,
    page,
    tx`p.account_id is null
       and exists (select from payment_step s
                   where s.payment_id = p.id and s.kind = 'captured' and s.transfer_id is not null)
       and not exists (select from payment_step s
                       where s.payment_id = p.id and s.kind = 'allocated')`,
  );
}
