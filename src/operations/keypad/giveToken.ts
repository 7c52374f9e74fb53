import type { Transaction } from '../../db/connect.ts';
import {
  findClaim,
  findCountingKeypad,
  hasTokenIssue,
  insertClaim,
  insertTokenIssue,
  lockKeypads,
  moveKeypad,
} from '../../db/keypads.ts';
import type { KeypadDevice, PlacedKeypad } from '../../db/keypads.ts';
import { openPaygo } from '../../wire/openPaygo.ts';

export type PaidForKeypad = {
  readonly companyId: number;
  readonly accountId: number;
  readonly paymentId: string;
  readonly currency: string;
  /** What the account gained for energy, or lost again. */
  readonly amountMicros: bigint;
  /** Whether money came in that the customer gets a receipt for. */
  readonly isReceipted: boolean;
  readonly nowMs: number;
};

/** Without its digits: whoever has the device's key makes the same ones again. */
export type GivenToken = {
  readonly meterId: number;
  readonly count: number;
  /** Days or units, as the device counts. */
  readonly value: number;
};

/** Whole days or units of what is carried, and no more than a token holds. */
function valueOf({ unitMicros, digits }: KeypadDevice, carriedMicros: bigint): number {
  if (carriedMicros < unitMicros) return 0;
  const whole = carriedMicros / unitMicros;
  const max = openPaygo.valueMax(digits);
  return whole > BigInt(max) ? max : Number(whole);
}

/** What a device counted of a payment; without a token it carries it to the next one. */
export type CountedByKeypad = { readonly meterId: number; readonly token: GivenToken | null };

/**
 * The device of a payment: the one that counted it before, else the only one of its account. Of
 * several nobody can say for which one was paid, and behind a meter that was taken down the next
 * one may not be known yet: what the payment gained is claimed until somebody says.
 */
async function lockPaidKeypad(tx: Transaction, paid: PaidForKeypad): Promise<PlacedKeypad | null> {
  const { companyId, accountId, currency, paymentId, amountMicros, nowMs } = paid;
  const devices = await lockKeypads(tx, { companyId, accountId, atMs: nowMs });
  const countedBy = await findCountingKeypad(tx, paymentId);
  if (countedBy !== null) return devices.find(({ meterId }) => meterId === countedBy) ?? null;
  const ofCurrency = devices.filter((each) => each.currency === currency);
  const inUse = ofCurrency.filter(({ isRemoved }) => !isRemoved);
  const isOpen = ofCurrency.length > 0 && inUse.length !== 1;
  const isClaimed = (await findClaim(tx, paymentId)) !== null;
  if (isClaimed || (paid.isReceipted && isOpen)) {
    await insertClaim(tx, { paymentId, companyId, accountId, amountMicros, atMs: nowMs });
    return null;
  }
  // What no device counted cannot be taken off the next token.
  return paid.isReceipted ? (inUse[0] ?? null) : null;
}

/** What devices of meters that were taken down carry goes to the one in their place. */
async function inherit(tx: Transaction, device: PlacedKeypad, paid: PaidForKeypad) {
  const { companyId, accountId, nowMs } = paid;
  const devices = await lockKeypads(tx, { companyId, accountId, atMs: nowMs });
  const here = devices.filter(
    (each) => each.servicePointId === device.servicePointId && each.currency === device.currency,
  );
  if (device.isRemoved || here.filter((each) => !each.isRemoved).length !== 1) return 0n;
  let inheritedMicros = 0n;
  for (const { meterId, tokenCount, carriedMicros, isRemoved } of here) {
    if (!isRemoved || carriedMicros === 0n) continue;
    inheritedMicros += carriedMicros;
    await moveKeypad(tx, { meterId, tokenCount, carriedMicros: 0n });
  }
  return inheritedMicros;
}

/**
 * What a device makes of an amount: one token a payment, and the device's count moves with it. What
 * is less than a unit, or more than a token holds, is carried to the next payment; money that goes
 * back is carried as less.
 */
export async function countPaid(
  tx: Transaction,
  device: PlacedKeypad,
  paid: PaidForKeypad,
): Promise<CountedByKeypad> {
  const { companyId, accountId, paymentId, amountMicros, nowMs } = paid;
  const { meterId } = device;
  const inheritedMicros = await inherit(tx, device, paid);
  const carriedMicros = device.carriedMicros + inheritedMicros + amountMicros;
  const mayGive = paid.isReceipted && !(await hasTokenIssue(tx, paymentId));
  const value = mayGive ? valueOf(device, carriedMicros) : 0;
  if (value === 0) {
    await moveKeypad(tx, { meterId, tokenCount: device.tokenCount, carriedMicros });
    return { meterId, token: null };
  }
  const tokenCount = openPaygo.nextCount(device.tokenCount, 'add');
  const token = {
    meterId,
    tokenCount,
    companyId,
    accountId,
    paymentId,
    kind: 'add',
    value,
  } as const;
  await insertTokenIssue(tx, { ...token, issuedAtMs: nowMs });
  const rest = carriedMicros - BigInt(value) * device.unitMicros;
  await moveKeypad(tx, { meterId, tokenCount, carriedMicros: rest });
  return { meterId, token: { meterId, count: tokenCount, value } };
}

/** What a payment means to its account's keypad, in its transaction. Null: no device counts it. */
export async function giveToken(
  tx: Transaction,
  paid: PaidForKeypad,
): Promise<CountedByKeypad | null> {
  const device = await lockPaidKeypad(tx, paid);
  return device === null || device.currency !== paid.currency ? null : countPaid(tx, device, paid);
}
