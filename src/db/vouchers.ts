import type { Statement } from './connect.ts';
import { holdName } from './idempotency.ts';

/** SQL of vouchers. */

export type VoucherBatch = {
  readonly id: number;
  readonly companyId: number;
  readonly channelId: number;
  readonly firstSerial: bigint;
  readonly count: number;
  readonly amountMicros: bigint;
  readonly currency: string;
  readonly expiresAt: Date;
};

function batchColumns(tx: Statement) {
  return tx`id, company_id as "companyId", channel_id as "channelId",
            first_serial as "firstSerial", count, amount_micros as "amountMicros", currency,
            expires_at as "expiresAt" from voucher_batch`;
}

/** The next serials of the company, one batch after the other. */
export async function insertVoucherBatch(
  tx: Statement,
  batch: Omit<VoucherBatch, 'id' | 'firstSerial' | 'expiresAt'> & {
    readonly expiresAtMs: number;
    readonly issuedAtMs: number;
    readonly issuedBy: string;
  },
): Promise<{ readonly id: number; readonly firstSerial: bigint }> {
  const { companyId } = batch;
  await holdName(tx, `vouchers/${companyId}`);
  const [row] = await tx<{ id: number; firstSerial: bigint }[]>`
    insert into voucher_batch (company_id, channel_id, first_serial, count, amount_micros,
                               currency, expires_at, issued_at, issued_by)
    select ${companyId}, ${batch.channelId}, coalesce(max(first_serial + count), 1),
           ${batch.count}, ${batch.amountMicros.toString()}::int8, ${batch.currency},
           ${new Date(batch.expiresAtMs)}, ${new Date(batch.issuedAtMs)}, ${batch.issuedBy}
    from voucher_batch where company_id = ${companyId}
    returning id, first_serial as "firstSerial"`;
  if (row === undefined) throw new Error('VOUCHER_BATCH_MISSING: it was made and is not there');
  return row;
}

export async function findVoucherBatch(
  tx: Statement,
  { companyId, serial }: { companyId: number; serial: bigint },
): Promise<VoucherBatch | null> {
  const [row] = await tx<VoucherBatch[]>`
    select ${batchColumns(tx)}
    where company_id = ${companyId} and first_serial <= ${serial.toString()}::int8
    order by first_serial desc limit 1`;
  return row !== undefined && serial < row.firstSerial + BigInt(row.count) ? row : null;
}

/** Uses of one voucher, sales and the taking back of many wait for one another: a batch's lock. */
export async function lockVouchers(tx: Statement, batchId: number): Promise<void> {
  await holdName(tx, `voucher batch/${batchId}`);
}

export async function lockAttempts(tx: Statement, accountId: number): Promise<void> {
  await holdName(tx, `voucher tries/${accountId}`);
}

/** Null for an account that the viewer may not see. */
export async function accountCurrency(tx: Statement, id: number): Promise<string | null> {
  const [row] = await tx<{ currency: string }[]>`
    select currency from account where id = ${id}`;
  return row?.currency ?? null;
}

/** Codes that an account tried in vain. */
export async function countRefusedVouchers(
  tx: Statement,
  { companyId, accountId, sinceMs }: { companyId: number; accountId: number; sinceMs: number },
): Promise<number> {
  const [row] = await tx<{ tries: number }[]>`
    select count(*)::int4 as tries from audit_entry
    where company_id = ${companyId} and at > ${new Date(sinceMs)}
      and action = 'voucher.refused' and subject = ${`account/${accountId}`}`;
  return row?.tries ?? 0;
}

export async function findVoucherEnd(
  tx: Statement,
  { companyId, serial }: { companyId: number; serial: bigint },
): Promise<'used' | 'revoked' | null> {
  const [row] = await tx<{ end: 'used' | 'revoked' }[]>`
    select "end" from voucher_end
    where company_id = ${companyId} and serial = ${serial.toString()}::int8`;
  return row?.end ?? null;
}

export async function insertVoucherUse(
  tx: Statement,
  use: {
    readonly companyId: number;
    readonly serial: bigint;
    readonly batchId: number;
    readonly paymentId: string;
    readonly atMs: number;
    readonly actor: string;
  },
): Promise<void> {
  await tx`
    insert into voucher_end (company_id, serial, batch_id, "end", payment_id, ended_at, ended_by,
                             reason)
    values (${use.companyId}, ${use.serial.toString()}::int8, ${use.batchId}, 'used',
            ${use.paymentId}::uuid, ${new Date(use.atMs)}, ${use.actor}, '')`;
}

/** Those of the range that have no end yet; how many these were. */
export async function revokeVoucherRange(
  tx: Statement,
  range: {
    readonly companyId: number;
    readonly batchId: number;
    readonly firstSerial: bigint;
    readonly count: number;
    readonly atMs: number;
    readonly actor: string;
    readonly reason: string;
  },
): Promise<number> {
  const first = range.firstSerial.toString();
  const done = await tx`
    insert into voucher_end (company_id, serial, batch_id, "end", ended_at, ended_by, reason)
    select ${range.companyId}, ${first}::int8 + n, ${range.batchId}, 'revoked',
           ${new Date(range.atMs)}, ${range.actor}, ${range.reason}
    from generate_series(0, ${range.count - 1}::int4) n
    on conflict do nothing`;
  return done.count;
}

/** How many of these transfers are there. */
export async function countTransfers(tx: Statement, ids: readonly string[]): Promise<number> {
  const [row] = await tx<{ found: number }[]>`
    select count(*)::int4 as found from transfer
    where id = any(string_to_array(${ids.join(',')}, ',')::uuid[])`;
  return row?.found ?? 0;
}
