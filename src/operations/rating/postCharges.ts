import { writeCharges } from '../../db/charges.ts';
import type { Transaction } from '../../db/connect.ts';
import { postTransfers } from '../../db/postings.ts';
import type { TransferRow } from '../../db/postings.ts';
import { assert } from '../../domain/assert.ts';
import type { ChargeDelta } from './rateChains.ts';

/** What made a commit, and so names its transfers. */
export type Cause = {
  readonly kind: 'log' | 'duty';
  readonly shard: number;
  /** The last log position of the commit, or the first duty's id. */
  readonly position: bigint;
};

/** Kinds of a transfer id's author, so that ids of both never meet. */
const authorOf = { log: 1, duty: 2 };

/**
 * The id of the n-th transfer of a commit: a UUID of version 8 (RFC 9562, 5.8) that is made of the
 * cause, so a commit that runs again collides with itself instead of posting twice.
 * Layout: position u48 | version 4, author 4, shard u8 | variant 2, zero | ordinal u32.
 */
export function transferId(cause: Cause, ordinal: number): Uint8Array {
  assert(cause.position < 2n ** 48n, 'a position has 48 bits');
  assert(cause.shard >= 0 && cause.shard < 256, 'a shard has 8 bits');
  const id = Buffer.alloc(16);
  id.writeUIntBE(Number(cause.position), 0, 6);
  id[6] = 0x80 | authorOf[cause.kind];
  id[7] = cause.shard;
  id[8] = 0x80;
  id.writeUInt32BE(ordinal, 12);
  return id;
}

function transferOf(
  charge: ChargeDelta,
  { cause, ordinal, code }: { cause: Cause; ordinal: number; code: TransferRow['code'] },
): TransferRow {
  const { row, place, deltaMicros } = charge;
  const { customerLedgerId, revenueLedgerId, currency } = place.agreement;
  const isCharged = deltaMicros > 0n;
  return {
    id: transferId(cause, ordinal),
    companyId: row.companyId,
    currency,
    debitId: isCharged ? customerLedgerId : revenueLedgerId,
    creditId: isCharged ? revenueLedgerId : customerLedgerId,
    amountMicros: isCharged ? deltaMicros : -deltaMicros,
    code,
    accountId: row.accountId,
    agreementId: row.agreementId,
    meterId: row.meterId,
    periodStartMs: row.periodStartMs,
    tariffVersionId: row.tariffVersionId,
    logShard: cause.shard,
    logPosition: cause.position,
  };
}

/**
 * Posts by how much each charge moved: charge rows, balanced transfers and balances. Returns the
 * balance of every account of the charges and of `accountIds`, also where it did not move.
 */
export async function postCharges(
  tx: Transaction,
  charges: readonly ChargeDelta[],
  posting: {
    accountIds: Iterable<number>;
    cause: Cause;
    codeOf(charge: ChargeDelta): TransferRow['code'];
    nowMs: number;
  },
): Promise<Map<number, bigint>> {
  const deltas = new Map<number, bigint>();
  for (const accountId of posting.accountIds) if (accountId !== 0) deltas.set(accountId, 0n);
  const transfers: TransferRow[] = [];
  for (const charge of charges) {
    const { accountId } = charge.row;
    deltas.set(accountId, (deltas.get(accountId) ?? 0n) - charge.deltaMicros);
    if (charge.deltaMicros === 0n) continue;
    const naming = {
      cause: posting.cause,
      ordinal: transfers.length,
      code: posting.codeOf(charge),
    };
    transfers.push(transferOf(charge, naming));
  }
  await writeCharges(
    tx,
    charges.map((charge) => charge.row),
  );
  return postTransfers(tx, transfers, { deltas, postedAtMs: posting.nowMs });
}
