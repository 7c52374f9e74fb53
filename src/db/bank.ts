import type { Statement } from './connect.ts';
import type { TimePage } from './page.ts';
import { timeBounds } from './page.ts';
import type { PaymentChannel } from './payments.ts';

/** SQL of bank files and their entries. */

export async function findChannelNamed(
  tx: Statement,
  { companyId, name }: { companyId: number; name: string },
): Promise<PaymentChannel | null> {
  const [row] = await tx<PaymentChannel[]>`
    select id, company_id as "companyId", name, kind, currency, settings, is_active as "isActive"
    from payment_channel where company_id = ${companyId} and name = ${name}`;
  return row ?? null;
}

export type NewStatement = {
  readonly companyId: number;
  readonly channelId: number;
  readonly fileHash: Uint8Array;
  readonly format: 'camt.053' | 'csv';
  readonly statementRef: string;
  readonly importedAtMs: number;
  readonly importedBy: string;
};

/** Once for its bytes; `isNew` false: the file was seen before. */
export async function insertStatement(
  tx: Statement,
  row: NewStatement,
): Promise<{ readonly id: number; readonly isNew: boolean }> {
  const hash = Buffer.from(row.fileHash);
  const [made] = await tx<{ id: number }[]>`
    insert into bank_statement (company_id, channel_id, file_hash, format, statement_ref,
                                imported_at, imported_by)
    values (${row.companyId}, ${row.channelId}, ${hash}, ${row.format}, ${row.statementRef},
            ${new Date(row.importedAtMs)}, ${row.importedBy})
    on conflict do nothing returning id`;
  if (made !== undefined) return { id: made.id, isNew: true };
  const [known] = await tx<{ id: number }[]>`
    select id from bank_statement where channel_id = ${row.channelId} and file_hash = ${hash}`;
  if (known === undefined) throw new Error('BANK_STATEMENT_MISSING: it was met and is not there');
  return { id: known.id, isNew: false };
}

export type BankEntryRow = {
  readonly channelId: number;
  readonly entryRef: string;
  readonly companyId: number;
  readonly statementId: number;
  readonly amountMicros: bigint;
  readonly currency: string;
  readonly bookedOn: string;
  readonly remittance: string;
  readonly isReversal: boolean;
  /** What it was made into; null: nothing moved by it. */
  readonly paymentId: string | null;
};

function entryColumns(tx: Statement) {
  return tx`
    e.channel_id as "channelId", e.entry_ref as "entryRef", e.company_id as "companyId",
    e.statement_id as "statementId", e.amount_micros as "amountMicros", e.currency,
    e.booked_on::text as "bookedOn", e.remittance, e.is_reversal as "isReversal",
    e.payment_id as "paymentId"
    from bank_entry e`;
}

export async function findBankEntry(
  tx: Statement,
  { channelId, entryRef }: { channelId: number; entryRef: string },
): Promise<BankEntryRow | null> {
  const [row] = await tx<BankEntryRow[]>`
    select ${entryColumns(tx)} where e.channel_id = ${channelId} and e.entry_ref = ${entryRef}`;
  return row ?? null;
}

/** Once for the bank's reference. */
export async function insertBankEntry(tx: Statement, row: BankEntryRow): Promise<void> {
  await tx`
    insert into bank_entry (channel_id, entry_ref, company_id, statement_id, amount_micros,
                            currency, booked_on, remittance, is_reversal, payment_id)
    values (${row.channelId}, ${row.entryRef}, ${row.companyId}, ${row.statementId},
            ${row.amountMicros.toString()}::int8, ${row.currency}, ${row.bookedOn}::text::date,
            ${row.remittance}, ${row.isReversal}, ${row.paymentId}::uuid)
    on conflict do nothing`;
}

/** The one account that any of these numbers names; null when it is none or several. */
export async function findOneAccount(
  tx: Statement,
  { companyId, numbers }: { companyId: number; numbers: readonly string[] },
): Promise<number | null> {
  if (numbers.length === 0) return null;
  const rows = await tx<{ id: number }[]>`
    select id from account
    where company_id = ${companyId}
      and number in (select jsonb_array_elements_text(${JSON.stringify(numbers)}::text::jsonb))
    limit 2`;
  return rows.length === 1 ? (rows[0]?.id ?? null) : null;
}

/** The one earlier credit of the same words and amount that was not taken back yet. */
export async function findReversed(
  tx: Statement,
  reversal: Pick<BankEntryRow, 'channelId' | 'amountMicros' | 'currency' | 'remittance'> & {
    readonly bookedOn: string;
  },
): Promise<string | null> {
  if (reversal.remittance === '') return null;
  const rows = await tx<{ entryRef: string }[]>`
    select e.entry_ref as "entryRef" from bank_entry e
    where e.channel_id = ${reversal.channelId} and e.payment_id is not null
      and e.amount_micros = ${(-reversal.amountMicros).toString()}::int8
      and e.currency = ${reversal.currency} and e.remittance = ${reversal.remittance}
      and e.booked_on <= ${reversal.bookedOn}::text::date
      and not exists (select from provider_event v
                      where v.payment_id = e.payment_id and v.kind = 'disputed')
    limit 2`;
  return rows.length === 1 ? (rows[0]?.entryRef ?? null) : null;
}

/**
 * The first reversal of these words and amount that found nothing to take back: its file came
 * before the one with its credit.
 */
export async function findWaitingReversal(
  tx: Statement,
  credit: Pick<BankEntryRow, 'channelId' | 'amountMicros' | 'currency' | 'remittance' | 'bookedOn'>,
): Promise<BankEntryRow | null> {
  if (credit.remittance === '') return null;
  const [row] = await tx<BankEntryRow[]>`
    select ${entryColumns(tx)}
    where e.channel_id = ${credit.channelId} and e.is_reversal and e.payment_id is null
      and e.amount_micros = ${(-credit.amountMicros).toString()}::int8
      and e.currency = ${credit.currency} and e.remittance = ${credit.remittance}
      and e.booked_on >= ${credit.bookedOn}::text::date
      and not exists (select from provider_event v
                      where v.channel_id = e.channel_id and v.event_id = e.entry_ref)
    order by e.booked_on, e.entry_ref limit 1`;
  return row ?? null;
}

export type BankEntryView = BankEntryRow & {
  readonly bookedAt: Date;
  readonly channelName: string;
  /** For cursors: references have characters of every kind. */
  readonly key: string;
};

/** Newest booking first. */
export async function pageBankEntries(tx: Statement, page: TimePage): Promise<BankEntryView[]> {
  const { afterAt, afterKey, beforeAt, beforeKey } = timeBounds(page);
  const order = page.inverted ? tx`` : tx`desc`;
  return tx<BankEntryView[]>`
    with entry as (
      select e.*, c.name as channel_name, (e.booked_on::timestamp at time zone 'UTC') as booked_at,
             encode(sha256(convert_to(e.channel_id || ':' || e.entry_ref, 'UTF8')), 'hex') as key
      from bank_entry e join payment_channel c on c.id = e.channel_id
    )
    select channel_id as "channelId", entry_ref as "entryRef", company_id as "companyId",
           statement_id as "statementId", amount_micros as "amountMicros", currency,
           booked_on::text as "bookedOn", remittance, is_reversal as "isReversal",
           coalesce(payment_id, (select v.payment_id from provider_event v
                                 where v.channel_id = entry.channel_id
                                   and v.event_id = entry.entry_ref and v.outcome = 'applied')
                   ) as "paymentId",
           channel_name as "channelName", booked_at as "bookedAt", key
    from entry
    where (booked_at, key) < (${afterAt}::text::timestamptz, ${afterKey}::text)
      and (booked_at, key) > (${beforeAt}::text::timestamptz, ${beforeKey}::text)
    order by booked_at ${order}, key ${order} limit ${page.limit}`;
}
