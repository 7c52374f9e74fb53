import { assert } from '../domain/assert.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Statement, Transaction } from './connect.ts';
import { postTransfer } from './ledger.ts';
import type { SingleTransfer } from './ledger.ts';
import type { TransferCode } from './tables/ledger.ts';

/**
 * Money that is spoken for. A pending debit of a customer counts into account_balance.reserved
 * until its one end: posted (a transfer of the pending's own id), voided or expired.
 */
export type PendingTransfer = Omit<SingleTransfer, 'postedAtMs' | 'corrects' | 'reasonCode'> & {
  readonly pendedAtMs: number;
  /** From then on it can no longer be posted. */
  readonly expiresAtMs: number;
};

/**
 * Pends a transfer; false when it was pended before with the same content. The caller has locked
 * the account, and has seen to it that enough is available.
 * @throws PENDING_REUSED when the id belongs to a pending transfer of other content.
 */
export async function pendTransfer(tx: Statement, pending: PendingTransfer): Promise<boolean> {
  const { id, companyId, accountId, currency, debitId, creditId, code } = pending;
  assert(pending.amountMicros > 0n, 'a pending transfer is above zero');
  const amount = pending.amountMicros.toString();
  const [row] = await tx<{ pended: number; isReserved: boolean; ofCustomer: number }[]>`
    with pended as (
      insert into pending_transfer (id, company_id, currency, debit_id, credit_id, amount_micros,
                                    code, account_id, payment_id, pended_at, expires_at)
      values (${id}::uuid, ${companyId}, ${currency}, ${debitId}, ${creditId}, ${amount}::int8,
              ${code}, ${accountId}, ${pending.paymentId ?? null}::uuid,
              ${new Date(pending.pendedAtMs)}, ${new Date(pending.expiresAtMs)})
      on conflict (id) do nothing
      returning account_id, debit_id, amount_micros
    ), customer as (
      select p.account_id, p.amount_micros from pended p
      join ledger_account l on l.id = p.debit_id and l.code = 'customer'
    ), reserved as (
      update account_balance b set reserved_micros = b.reserved_micros + c.amount_micros
      from customer c where b.account_id = c.account_id
      returning b.account_id
    )
    select (select count(*)::int4 from pended) as pended,
           (select count(*)::int4 from customer) as "ofCustomer",
           exists (select from reserved) as "isReserved"`;
  assert(row !== undefined, 'counts are always there');
  assert(row.isReserved === row.ofCustomer > 0, `account ${accountId} has a balance row`);
  if (row.pended > 0) return true;
  const known = await readPending(tx, pending);
  const isSame =
    known !== null &&
    known.debitId === debitId &&
    known.creditId === creditId &&
    known.amountMicros === pending.amountMicros &&
    known.code === code &&
    known.accountId === accountId &&
    known.currency === currency &&
    known.paymentId === (pending.paymentId ?? null);
  if (!isSame) throw new Error(`PENDING_REUSED: pending ${id} is there with other content`);
  return false;
}

export async function isPended(
  tx: Statement,
  pending: { id: string; companyId: number },
): Promise<boolean> {
  return (await readPending(tx, pending)) !== null;
}

type PendingRow = {
  readonly id: string;
  readonly companyId: number;
  readonly accountId: number | null;
  readonly currency: string;
  readonly debitId: number;
  readonly creditId: number;
  readonly amountMicros: bigint;
  readonly code: TransferCode;
  readonly paymentId: string | null;
  readonly expiresAt: Date;
  readonly ofCustomer: boolean;
};

async function readPending(
  tx: Statement,
  { id, companyId }: { id: string; companyId: number },
): Promise<PendingRow | null> {
  const [row] = await tx<PendingRow[]>`
    select p.id, p.company_id as "companyId", p.account_id as "accountId", p.currency,
           p.debit_id as "debitId", p.credit_id as "creditId", p.code,
           p.amount_micros as "amountMicros", p.payment_id as "paymentId",
           p.expires_at as "expiresAt", d.code = 'customer' as "ofCustomer"
    from pending_transfer p join ledger_account d on d.id = p.debit_id
    where p.id = ${id}::uuid and p.company_id = ${companyId}`;
  return row ?? null;
}

export type EndKind = 'posted' | 'voided' | 'expired';

export type PendingEnd = {
  readonly companyId: number;
  readonly pendingId: string;
  readonly end: EndKind;
  /** Of a posted one: at most the pending amount; without it all of it. */
  readonly amountMicros?: bigint;
  readonly atMs: number;
};

export type EndedPending = {
  readonly accountId: number | null;
  readonly end: EndKind;
  /** What moved: 0 unless it was posted. */
  readonly amountMicros: bigint;
  readonly balanceMicros: bigint | null;
  /** It had ended so before. */
  readonly isReplay: boolean;
};

export type EndPendingCode =
  | 'PENDING_NOT_FOUND'
  | 'PENDING_AMOUNT_WRONG'
  | 'PENDING_EXPIRED'
  | 'PENDING_NOT_EXPIRED'
  | 'PENDING_ENDED';

/**
 * Ends a pending transfer, once: whoever comes second gets the end that stands when it asked for
 * the same, else PENDING_ENDED. Locks the account before the end, as everybody does.
 */
export async function endPending(
  tx: Transaction,
  asked: PendingEnd,
): Promise<Outcome<EndedPending, EndPendingCode>> {
  const { companyId, pendingId, end, atMs } = asked;
  const pending = await readPending(tx, { id: pendingId, companyId });
  if (pending === null) {
    return refuse('PENDING_NOT_FOUND', `There is no pending transfer ${pendingId}.`);
  }
  const { accountId } = pending;
  const amountMicros = end === 'posted' ? (asked.amountMicros ?? pending.amountMicros) : 0n;
  if (end === 'posted' && (amountMicros <= 0n || amountMicros > pending.amountMicros)) {
    const message = `At least 1 and at most ${pending.amountMicros} micros are posted of it.`;
    return refuse('PENDING_AMOUNT_WRONG', message, ['amount']);
  }
  if (accountId !== null) {
    await tx`select from account_balance where account_id = ${accountId} for update`;
  }
  const told = await readEnd(tx, pendingId);
  if (told !== null) return repeatOf(tx, { pending, told, end, amountMicros });
  const refusal = refuseEnd(pending, { end, atMs });
  if (refusal !== null) return refusal;
  const [ended] = await tx<{ id: string }[]>`
    insert into pending_end (pending_id, company_id, account_id, "end", transfer_id, ended_at)
    values (${pendingId}::uuid, ${companyId}, ${accountId}, ${end},
            ${end === 'posted' ? pendingId : null}::uuid, ${new Date(atMs)})
    on conflict (pending_id) do nothing
    returning pending_id as id`;
  if (ended === undefined) {
    // Of no account, so that no lock kept the two apart.
    const first = await readEnd(tx, pendingId);
    assert(first !== null, 'whoever was first has committed');
    return repeatOf(tx, { pending, told: first, end, amountMicros });
  }
  if (pending.ofCustomer) {
    await tx`
      update account_balance
      set reserved_micros = reserved_micros - ${pending.amountMicros.toString()}::int8
      where account_id = ${accountId}`;
  }
  if (end !== 'posted') {
    const balanceMicros = await balanceOf(tx, accountId);
    return accept({ accountId, end, amountMicros, balanceMicros, isReplay: false });
  }
  const { paymentId, code, currency, debitId, creditId } = pending;
  const { balanceMicros } = await postTransfer(tx, {
    id: pendingId,
    companyId,
    accountId,
    currency,
    debitId,
    creditId,
    amountMicros,
    code,
    postedAtMs: atMs,
    ...(paymentId !== null && { paymentId }),
  });
  return accept({ accountId, end, amountMicros, balanceMicros, isReplay: false });
}

function refuseEnd(
  { expiresAt }: PendingRow,
  { end, atMs }: { end: EndKind; atMs: number },
): Outcome<never, EndPendingCode> | null {
  const isExpired = atMs >= expiresAt.getTime();
  if (end === 'posted' && isExpired) {
    const message = `It expired at ${expiresAt.toISOString()} and can no longer be posted.`;
    return refuse('PENDING_EXPIRED', message);
  }
  if (end === 'expired' && !isExpired) {
    return refuse('PENDING_NOT_EXPIRED', `It expires at ${expiresAt.toISOString()}, not before.`);
  }
  return null;
}

type EndRow = { readonly end: EndKind; readonly amountMicros: bigint };

async function readEnd(tx: Statement, pendingId: string): Promise<EndRow | null> {
  const [row] = await tx<EndRow[]>`
    select e."end", coalesce(t.amount_micros, 0) as "amountMicros"
    from pending_end e left join transfer t on t.id = e.transfer_id
    where e.pending_id = ${pendingId}::uuid`;
  return row ?? null;
}

async function repeatOf(
  tx: Statement,
  asked: { pending: PendingRow; told: EndRow; end: EndKind; amountMicros: bigint },
): Promise<Outcome<EndedPending, EndPendingCode>> {
  const { pending, told, end, amountMicros } = asked;
  if (told.end !== end || told.amountMicros !== amountMicros) {
    const message = `It is ${told.end} with ${told.amountMicros} micros, and that stands.`;
    return refuse('PENDING_ENDED', message);
  }
  const { accountId } = pending;
  const balanceMicros = await balanceOf(tx, accountId);
  return accept({ accountId, end, amountMicros, balanceMicros, isReplay: true });
}

async function balanceOf(tx: Statement, accountId: number | null): Promise<bigint | null> {
  if (accountId === null) return null;
  const [row] = await tx<{ balanceMicros: bigint }[]>`
    select balance_micros as "balanceMicros" from account_balance where account_id = ${accountId}`;
  return row?.balanceMicros ?? null;
}

export type DuePending = { readonly companyId: number; readonly pendingId: string };

/**
 * Pending transfers that have expired and have no end, oldest first. Those before `sinceMs` are
 * left out: the sweep does not read all of history each time.
 */
export async function findDuePending(
  sql: Statement,
  { sinceMs, nowMs, limit }: { sinceMs: number; nowMs: number; limit: number },
): Promise<readonly DuePending[]> {
  return sql<DuePending[]>`
    select p.company_id as "companyId", p.id as "pendingId" from pending_transfer p
    where p.expires_at > ${new Date(sinceMs)} and p.expires_at <= ${new Date(nowMs)}
      and not exists (select from pending_end e where e.pending_id = p.id)
    order by p.expires_at, p.id limit ${limit}`;
}
