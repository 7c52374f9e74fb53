import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import { findEdgeKey, revokeKey } from '../db/edgeKeys.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';
import { refuseReason } from './refuseReason.ts';

export type RevokeEdgeKeyInput = {
  readonly idempotencyKey: string;
  /** 32 hexadecimal digits, as receipts, quarantine and the list of keys tell it. */
  readonly keyId: string;
  /** For the audit. */
  readonly reason: string;
};

export type RevokeEdgeKeyCode =
  | KeyCode
  | 'NOT_PERMITTED'
  | 'EDGE_KEY_NOT_FOUND'
  | 'EDGE_KEY_REVOKED'
  | 'REASON_MISSING'
  | 'REASON_TOO_LONG';

export type RevokedEdgeKey = {
  readonly keyId: string;
  readonly edgeName: string;
  readonly revokedAtMs: number;
  readonly isReplay: boolean;
};

async function revoke(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: RevokeEdgeKeyInput; nowMs: number },
): Promise<Outcome<KeyedAnswer, RevokeEdgeKeyCode>> {
  const { companyId, actor } = viewer;
  const keyHex = input.keyId.toLowerCase();
  const keyId = Buffer.from(keyHex, 'hex');
  const isNew = await revokeKey(tx, { companyId, keyId, atMs: nowMs });
  const found = await findEdgeKey(tx, { companyId, keyId });
  if (found === null) {
    const message = 'Your company has no such key. List them: ems-cli key list --company NAME.';
    return refuse('EDGE_KEY_NOT_FOUND', message, ['keyId']);
  }
  const revokedAt = found.revokedAt?.toISOString() ?? '';
  if (!isNew) {
    const message = `This key of edge "${found.edgeName}" was revoked at ${revokedAt} already.`;
    return refuse('EDGE_KEY_REVOKED', message, ['keyId']);
  }
  await insertAudit(tx, {
    id: derivedId('audit', 'edge_key', String(companyId), keyHex),
    companyId,
    atMs: nowMs,
    actor,
    action: 'edge_key.revoke',
    subject: `edge/${found.edgeId}`,
    before: { keyId: keyHex, revokedAt: null },
    after: { keyId: keyHex, revokedAt, reason: input.reason.trim() },
  });
  return accept({ edgeName: found.edgeName, revokedAtMs: String(nowMs) });
}

/**
 * From the next batch on nothing that the key signs is taken in; what it signed before stays
 * signed. For ever: a key that may be in other hands does not come back.
 */
export async function revokeEdgeKey(
  { sql, clock }: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  input: RevokeEdgeKeyInput,
): Promise<Outcome<RevokedEdgeKey, RevokeEdgeKeyCode>> {
  if (!isAllowed(viewer.role, 'Mutation.revokeEdgeKey')) {
    return refuse('NOT_PERMITTED', 'Your role may not revoke keys. Ask an administrator.');
  }
  const refusedReason = refuseReason(input.reason);
  if (refusedReason !== null) return refusedReason;
  if (!/^[0-9a-f]{32}$/i.test(input.keyId)) {
    const message = 'The id of a key is 32 hexadecimal digits; a public key is not its id.';
    return refuse('EDGE_KEY_NOT_FOUND', message, ['keyId']);
  }
  const nowMs = clock.nowMs();
  const keyId = input.keyId.toLowerCase();
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'revokeEdgeKey',
        input: [keyId, input.reason],
        nowMs,
      },
      () => revoke(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  const revokedAtMs = Number(textOf(answer, 'revokedAtMs'));
  return accept({ keyId, edgeName: textOf(answer, 'edgeName'), revokedAtMs, isReplay });
}
