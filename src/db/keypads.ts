import { importChannel } from '../domain/channel.ts';
import { everyChannel } from '../domain/series/meterMarks.ts';
import { isUuid } from '../domain/uuid.ts';
import type { Statement } from './connect.ts';
import { idBounds } from './page.ts';
import type { IdPage } from './page.ts';

/** SQL of keypad devices and of the tokens that were made for them. */

export type KeypadDevice = {
  readonly meterId: number;
  readonly companyId: number;
  readonly startingCode: number;
  readonly sealedKey: Uint8Array;
  readonly tokenCount: number;
  readonly digits: 9 | 12;
  readonly currency: string;
  readonly unitMicros: bigint;
  readonly carriedMicros: bigint;
};

function deviceColumns(tx: Statement) {
  return tx`
    d.meter_id as "meterId", d.company_id as "companyId", d.starting_code as "startingCode",
    d.sealed_key as "sealedKey", d.token_count as "tokenCount", d.digits, d.currency,
    d.unit_micros as "unitMicros", d.carried_micros as "carriedMicros"`;
}

export type PlacedKeypad = KeypadDevice & {
  readonly servicePointId: number;
  /** Its meter was taken down: another one counts what is paid now. */
  readonly isRemoved: boolean;
};

/**
 * Whether a device's meter was taken down by an instant and not put up again: by the words that
 * count, of the whole meter or of its main register.
 */
function isRemoved(tx: Statement, at: Date) {
  return tx`coalesce((
    select k.kind = 'removed' from register_mark k
    where k.meter_id = d.meter_id and k.channel in (${everyChannel}, ${importChannel})
      and k.kind in ('installed', 'removed') and k.at <= ${at} and not exists (
        select from register_mark l
        where l.meter_id = k.meter_id and l.channel = k.channel and l.at = k.at and l.id > k.id)
    order by k.at desc, k.id desc limit 1), false)`;
}

/** The devices of the places that an account's agreements are about now, locked. */
export async function lockKeypads(
  tx: Statement,
  { companyId, accountId, atMs }: { companyId: number; accountId: number; atMs: number },
): Promise<readonly PlacedKeypad[]> {
  const at = new Date(atMs);
  return tx<PlacedKeypad[]>`
    select ${deviceColumns(tx)}, m.service_point_id as "servicePointId",
           ${isRemoved(tx, at)} as "isRemoved"
    from token_device d join meter m on m.id = d.meter_id
    where d.company_id = ${companyId} and exists (
      select from agreement g
      where g.service_point_id = m.service_point_id and g.account_id = ${accountId}
        and g.valid_from <= ${at} and (g.valid_to is null or g.valid_to > ${at}))
    order by d.meter_id for update of d`;
}

export type KeypadView = Omit<KeypadDevice, 'sealedKey' | 'startingCode'> & {
  /** Of the meter; pages go by it. */
  readonly id: number;
  readonly serial: string;
  readonly isRemoved: boolean;
};

function viewColumns(tx: Statement, atMs: number) {
  return tx`
    d.meter_id as id, d.meter_id as "meterId", d.company_id as "companyId",
    d.token_count as "tokenCount", d.digits, d.currency, d.unit_micros as "unitMicros",
    d.carried_micros as "carriedMicros", m.serial,
    ${isRemoved(tx, new Date(atMs))} as "isRemoved"
    from token_device d join meter m on m.id = d.meter_id`;
}

/** All that the viewer may see, by their meters. */
export async function pageKeypads(
  tx: Statement,
  page: IdPage,
  atMs: number,
): Promise<KeypadView[]> {
  const { after, before } = idBounds(page);
  return tx<KeypadView[]>`
    select ${viewColumns(tx, atMs)} where d.meter_id > ${after} and d.meter_id < ${before}::int8
    order by d.meter_id ${page.inverted ? tx`desc` : tx``} limit ${page.limit}`;
}

/** Of the places that an account's agreements are about now. */
export async function listKeypads(
  tx: Statement,
  { accountId, atMs }: { readonly accountId: number; readonly atMs: number },
): Promise<readonly KeypadView[]> {
  const at = new Date(atMs);
  return tx<KeypadView[]>`
    select ${viewColumns(tx, atMs)}
    where exists (select from agreement g
                  where g.service_point_id = m.service_point_id and g.account_id = ${accountId}
                    and g.valid_from <= ${at} and (g.valid_to is null or g.valid_to > ${at}))
    order by d.meter_id`;
}

/** Whose place a meter is at now; null: nobody's. */
export async function findKeypadAccount(
  tx: Statement,
  { meterId, atMs }: { readonly meterId: number; readonly atMs: number },
): Promise<number | null> {
  const at = new Date(atMs);
  const [row] = await tx<{ accountId: number }[]>`
    select g.account_id as "accountId"
    from meter m join agreement g on g.service_point_id = m.service_point_id
    where m.id = ${meterId} and g.valid_from <= ${at} and (g.valid_to is null or g.valid_to > ${at})
    order by g.id limit 1`;
  return row?.accountId ?? null;
}

export async function lockKeypad(tx: Statement, meterId: number): Promise<KeypadDevice | null> {
  const [row] = await tx<KeypadDevice[]>`
    select ${deviceColumns(tx)} from token_device d where d.meter_id = ${meterId} for update`;
  return row ?? null;
}

/** False when the meter has a device. */
export async function insertKeypad(tx: Statement, device: KeypadDevice): Promise<boolean> {
  const inserted = await tx`
    insert into token_device (meter_id, company_id, starting_code, sealed_key, token_count, digits,
                              currency, unit_micros, carried_micros)
    values (${device.meterId}, ${device.companyId}, ${device.startingCode},
            ${Buffer.from(device.sealedKey)}, ${device.tokenCount}, ${device.digits},
            ${device.currency}, ${device.unitMicros.toString()}::int8,
            ${device.carriedMicros.toString()}::int8)
    on conflict do nothing`;
  return inserted.count > 0;
}

export async function setUnitPrice(
  tx: Statement,
  { meterId, unitMicros }: { readonly meterId: number; readonly unitMicros: bigint },
): Promise<void> {
  await tx`
    update token_device set unit_micros = ${unitMicros.toString()}::int8
    where meter_id = ${meterId}`;
}

export async function moveKeypad(
  tx: Statement,
  to: Pick<KeypadDevice, 'meterId' | 'tokenCount' | 'carriedMicros'>,
): Promise<void> {
  await tx`
    update token_device
    set token_count = ${to.tokenCount}, carried_micros = ${to.carriedMicros.toString()}::int8
    where meter_id = ${to.meterId}`;
}

export type TokenIssueKind = 'add' | 'set' | 'disable';

export async function insertTokenIssue(
  tx: Statement,
  issue: {
    readonly meterId: number;
    readonly tokenCount: number;
    readonly companyId: number;
    readonly accountId: number;
    readonly kind: TokenIssueKind;
    /** Null: a person gives it. */
    readonly paymentId: string | null;
    readonly value: number;
    readonly issuedAtMs: number;
  },
): Promise<void> {
  await tx`
    insert into token_issue (meter_id, token_count, company_id, account_id, kind, payment_id,
                             value, issued_at)
    values (${issue.meterId}, ${issue.tokenCount}, ${issue.companyId}, ${issue.accountId},
            ${issue.kind}, ${issue.paymentId}::uuid, ${issue.value},
            ${new Date(issue.issuedAtMs)})`;
}

export async function hasTokenIssue(tx: Statement, paymentId: string): Promise<boolean> {
  const [row] = await tx`select from token_issue where payment_id = ${paymentId}::uuid`;
  return row !== undefined;
}

/** The meter whose device counted a payment before: by its token, its receipt, or a choice. */
export async function findCountingKeypad(tx: Statement, paymentId: string): Promise<number | null> {
  const [row] = await tx<{ meterId: number }[]>`
    select meter_id as "meterId" from token_issue where payment_id = ${paymentId}::uuid
    union all
    select keypad_meter_id from payment_receipt
    where payment_id = ${paymentId}::uuid and keypad_meter_id is not null
    union all
    select meter_id from keypad_choice where payment_id = ${paymentId}::uuid
    limit 1`;
  return row?.meterId ?? null;
}

/** What a payment claims that no device counted; null: nothing. Under the account's lock. */
export async function findClaim(
  tx: Statement,
  paymentId: string,
): Promise<{ readonly accountId: number; readonly amountMicros: bigint } | null> {
  const [row] = await tx<{ accountId: number; amountMicros: bigint }[]>`
    select min(account_id) as "accountId", sum(amount_micros)::int8 as "amountMicros"
    from keypad_claim where payment_id = ${paymentId}::uuid having count(*) > 0`;
  return row ?? null;
}

/** Whether somebody has yet to say for which device a payment is. */
export async function isChoiceOpen(tx: Statement, paymentId: string): Promise<boolean> {
  const [row] = await tx<{ found: boolean }[]>`
    select exists (select from keypad_claim c where c.payment_id = ${paymentId}::uuid)
           and not exists (select from keypad_choice h where h.payment_id = ${paymentId}::uuid)
           as found`;
  return row?.found ?? false;
}

export async function insertClaim(
  tx: Statement,
  claim: {
    readonly paymentId: string;
    readonly companyId: number;
    readonly accountId: number;
    readonly amountMicros: bigint;
    readonly atMs: number;
  },
): Promise<void> {
  await tx`
    insert into keypad_claim (payment_id, part, company_id, account_id, amount_micros, claimed_at)
    select ${claim.paymentId}::uuid, coalesce(max(part), 0) + 1, ${claim.companyId}::int4,
           ${claim.accountId}::int4, ${claim.amountMicros.toString()}::int8,
           ${new Date(claim.atMs)}::timestamptz
    from keypad_claim where payment_id = ${claim.paymentId}::uuid`;
}

export async function insertChoice(
  tx: Statement,
  choice: {
    readonly paymentId: string;
    readonly companyId: number;
    readonly accountId: number;
    readonly meterId: number;
    readonly atMs: number;
    readonly actor: string;
  },
): Promise<void> {
  await tx`
    insert into keypad_choice (payment_id, company_id, account_id, meter_id, chosen_at, chosen_by)
    values (${choice.paymentId}::uuid, ${choice.companyId}, ${choice.accountId}, ${choice.meterId},
            ${new Date(choice.atMs)}, ${choice.actor})`;
}

export type IssuedToken = Pick<
  KeypadDevice,
  'meterId' | 'companyId' | 'startingCode' | 'sealedKey' | 'digits'
> & {
  readonly kind: TokenIssueKind;
  /** Of this token, whatever was made since. */
  readonly tokenCount: number;
  readonly value: number;
  readonly serial: string;
  readonly issuedAt: Date;
};

/** With what is needed to make the same digits again. */
function issuedColumns(tx: Statement) {
  return tx`
    i.meter_id as "meterId", i.company_id as "companyId", i.kind, i.token_count as "tokenCount",
    i.value, i.issued_at as "issuedAt", d.starting_code as "startingCode",
    d.sealed_key as "sealedKey", d.digits, m.serial
    from token_issue i join token_device d on d.meter_id = i.meter_id
    join meter m on m.id = i.meter_id`;
}

export async function findIssuedToken(
  tx: Statement,
  paymentId: string,
): Promise<IssuedToken | null> {
  if (!isUuid(paymentId)) return null;
  const [row] = await tx<IssuedToken[]>`
    select ${issuedColumns(tx)} where i.payment_id = ${paymentId}::uuid`;
  return row ?? null;
}

/** The one of a count, whoever gave it. */
export async function findCountedToken(
  tx: Statement,
  { meterId, tokenCount }: { readonly meterId: number; readonly tokenCount: number },
): Promise<IssuedToken | null> {
  const [row] = await tx<IssuedToken[]>`
    select ${issuedColumns(tx)} where i.meter_id = ${meterId} and i.token_count = ${tokenCount}`;
  return row ?? null;
}
