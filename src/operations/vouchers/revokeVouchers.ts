import { insertAuditOnce } from '../../db/audit.ts';
import { asViewer } from '../../db/viewer.ts';
import { findVoucherBatch, lockVouchers, revokeVoucherRange } from '../../db/vouchers.ts';
import { isAllowed } from '../../domain/access/policy.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { vouchersPerBatchMax } from '../../domain/payment/limits.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { refuseReason } from '../refuseReason.ts';
import type { ReasonCode } from '../refuseReason.ts';

export type RevokeVouchersCode =
  | ReasonCode
  | 'NOT_PERMITTED'
  | 'VOUCHER_COUNT_OUT_OF_RANGE'
  | 'VOUCHER_UNKNOWN';

export type RevokedVouchers = {
  readonly batchId: number;
  /** Those that were neither used nor revoked before. */
  readonly revoked: number;
};

/** Takes back vouchers that were lost or stolen, all of a range that have no end yet. */
export async function revokeVouchers(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  input: { readonly firstSerial: bigint; readonly count: number; readonly reason: string },
): Promise<Outcome<RevokedVouchers, RevokeVouchersCode>> {
  if (!isAllowed(viewer.role, 'Mutation.takeCash')) {
    return refuse('NOT_PERMITTED', 'Your role may not revoke vouchers. Ask an operator.');
  }
  const badReason = refuseReason(input.reason);
  if (badReason !== null) return badReason;
  const { firstSerial, count, reason } = input;
  if (!Number.isInteger(count) || count < 1 || count > vouchersPerBatchMax || firstSerial < 1n) {
    const message = `1 to ${vouchersPerBatchMax} vouchers are revoked at once.`;
    return refuse('VOUCHER_COUNT_OUT_OF_RANGE', message, ['count']);
  }
  const { companyId, actor } = viewer;
  const atMs = clock.nowMs();
  return asViewer(
    sql,
    viewer,
    async (tx): Promise<Outcome<RevokedVouchers, RevokeVouchersCode>> => {
      const batch = await findVoucherBatch(tx, { companyId, serial: firstSerial });
      const end = firstSerial + BigInt(count);
      if (batch === null || end > batch.firstSerial + BigInt(batch.count)) {
        return refuse('VOUCHER_UNKNOWN', 'These serials are not of one batch.', ['firstSerial']);
      }
      const batchId = batch.id;
      await lockVouchers(tx, batchId);
      const range = { companyId, batchId, firstSerial, count };
      const revoked = await revokeVoucherRange(tx, { ...range, atMs, actor, reason });
      const named = [String(batchId), firstSerial.toString(), String(count), String(atMs)];
      await insertAuditOnce(tx, {
        id: derivedId('vouchers_revoked', ...named),
        companyId,
        atMs,
        actor,
        action: 'voucher.revoke',
        subject: `voucher_batch/${batchId}`,
        before: null,
        after: { firstSerial: firstSerial.toString(), count, revoked, reason },
      });
      return accept({ batchId, revoked });
    },
  );
}
