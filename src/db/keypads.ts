import { isUuid } from '../domain/uuid.ts';
import type { Statement } from './connect.ts';

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

/** The devices of the meters that an account's agreements are about now, locked. */
export async function lockKeypads(
  tx: Statement,
  { companyId, accountId, atMs }: { companyId: number; accountId: number; atMs: number },
): Promise<readonly KeypadDevice[]> {
  const at = new Date(atMs);
  return tx<KeypadDevice[]>`
    select ${deviceColumns(tx)} from token_device d
    where d.company_id = ${companyId} and exists (
      select from meter m join agreement g on g.service_point_id = m.service_point_id
      where m.id = d.meter_id and g.account_id = ${accountId} and g.valid_from <= ${at}
        and (g.valid_to is null or g.valid_to > ${at}))
    order by d.meter_id for update of d`;
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

export async function insertTokenIssue(
  tx: Statement,
  issue: {
    readonly meterId: number;
    readonly tokenCount: number;
    readonly companyId: number;
    readonly accountId: number;
    readonly paymentId: string;
    readonly value: number;
    readonly issuedAtMs: number;
  },
): Promise<void> {
  await tx`
    insert into token_issue (meter_id, token_count, company_id, account_id, payment_id, value,
                             issued_at)
    values (${issue.meterId}, ${issue.tokenCount}, ${issue.companyId}, ${issue.accountId},
            ${issue.paymentId}::uuid, ${issue.value}, ${new Date(issue.issuedAtMs)})`;
}

export async function hasTokenIssue(tx: Statement, paymentId: string): Promise<boolean> {
  const [row] = await tx`select from token_issue where payment_id = ${paymentId}::uuid`;
  return row !== undefined;
}

/** The meter whose device counted a payment before, by its token or its receipt. */
export async function findCountingKeypad(tx: Statement, paymentId: string): Promise<number | null> {
  const [row] = await tx<{ meterId: number }[]>`
    select meter_id as "meterId" from token_issue where payment_id = ${paymentId}::uuid
    union all
    select keypad_meter_id from payment_receipt
    where payment_id = ${paymentId}::uuid and keypad_meter_id is not null
    limit 1`;
  return row?.meterId ?? null;
}

export type IssuedToken = Pick<
  KeypadDevice,
  'meterId' | 'companyId' | 'startingCode' | 'sealedKey' | 'digits'
> & {
  readonly paymentId: string;
  /** Of this token, whatever was made since. */
  readonly tokenCount: number;
  readonly value: number;
  readonly serial: string;
  readonly issuedAt: Date;
};

/** With what is needed to make the same digits again. */
export async function findIssuedToken(
  tx: Statement,
  paymentId: string,
): Promise<IssuedToken | null> {
  if (!isUuid(paymentId)) return null;
  const [row] = await tx<IssuedToken[]>`
    select i.meter_id as "meterId", i.company_id as "companyId", i.payment_id as "paymentId",
           i.token_count as "tokenCount", i.value, i.issued_at as "issuedAt",
           d.starting_code as "startingCode", d.sealed_key as "sealedKey", d.digits,
           m.serial
    from token_issue i join token_device d on d.meter_id = i.meter_id
    join meter m on m.id = i.meter_id
    where i.payment_id = ${paymentId}::uuid`;
  return row ?? null;
}
