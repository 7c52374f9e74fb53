import {
  quarantineFreedMinutes,
  quarantineRowBytes,
  quarantinedBytesMax,
  quarantinedPerMinuteMax,
} from '../domain/limits.ts';
import { integersOf } from './arrays.ts';
import type { Statement, Transaction } from './connect.ts';
import { quarantineBatches } from './log.ts';
import type { Quarantined } from './log.ts';

/** SQL of what the intake refuses: the batch kept aside, one row of the audit, and their bounds. */

export type Refusal = Quarantined & {
  /** The audit row's; the same refusal again has the same. */
  readonly auditId: string;
  readonly emsCode: string | null;
};

const minuteMs = 60_000;

function senderOf({ edgeId }: Refusal): number {
  return edgeId ?? 0;
}

function keyOf({ hash, code }: Pick<Refusal, 'hash' | 'code'>): string {
  return `${Buffer.from(hash).toString('hex')} ${code}`;
}

async function withoutKnown(
  tx: Statement,
  refusals: readonly Refusal[],
): Promise<readonly Refusal[]> {
  const distinct = new Map(refusals.map((refusal) => [keyOf(refusal), refusal]));
  const keys = JSON.stringify(
    [...distinct.values()].map(({ hash, code }) => ({
      hash: `\\x${Buffer.from(hash).toString('hex')}`,
      code,
    })),
  );
  const rows = await tx<{ hash: Uint8Array; code: string }[]>`
    select q.hash, q.code from batch_quarantine q
    join json_to_recordset(${keys}::text::json) as k(hash bytea, code text) using (hash, code)`;
  for (const row of rows) distinct.delete(keyOf(row));
  return [...distinct.values()];
}

type Quota = {
  sender: number;
  minute: number;
  kept_in_minute: number;
  kept: bigint;
  kept_bytes: bigint;
  only_counted: bigint;
};

async function lockQuotas(tx: Statement, refusals: readonly Refusal[]): Promise<Quota[]> {
  const senders = [...new Set(refusals.map(senderOf))].toSorted((a, b) => a - b);
  await tx`
    insert into quarantine_quota (sender, minute, kept_in_minute, kept, kept_bytes, only_counted)
    select sender, 0, 0, 0, 0, 0 from unnest(${integersOf(senders)}::int4[]) as sender
    order by sender on conflict do nothing`;
  return tx<Quota[]>`
    select sender, minute, kept_in_minute, kept, kept_bytes, only_counted from quarantine_quota
    where sender = any(${integersOf(senders)}::int4[]) order by sender for update`;
}

/** As minutes pass the room for bytes is free again; a clock that was set back frees none. */
function moveOn(quota: Quota, minute: number): void {
  // Two processes on either side of a full minute, by turns.
  if (minute === quota.minute || minute === quota.minute - 1) return;
  const passed = BigInt(Math.max(0, minute - quota.minute));
  const freed = (passed * BigInt(quarantinedBytesMax)) / BigInt(quarantineFreedMinutes);
  quota.kept_bytes = freed < quota.kept_bytes ? quota.kept_bytes - freed : 0n;
  quota.minute = minute;
  quota.kept_in_minute = 0;
}

/** Counts the refusal and says whether it is kept, too. */
function takeQuota(quota: Quota, { receivedAtMs, carried }: Refusal): boolean {
  moveOn(quota, Math.floor(receivedAtMs / minuteMs));
  const bytes = BigInt(carried.length + quarantineRowBytes);
  const hasRoom =
    quota.kept_in_minute < quarantinedPerMinuteMax &&
    quota.kept_bytes + bytes <= BigInt(quarantinedBytesMax);
  if (!hasRoom) {
    quota.only_counted += 1n;
    return false;
  }
  quota.kept_in_minute += 1;
  quota.kept += 1n;
  quota.kept_bytes += bytes;
  return true;
}

async function insertAudits(tx: Statement, refusals: readonly Refusal[]): Promise<void> {
  const records = refusals.map((refusal) => ({
    id: refusal.auditId,
    company_id: refusal.companyId,
    at: new Date(refusal.receivedAtMs).toISOString(),
    actor: refusal.edgeId === null ? 'unknown' : `edge/${refusal.edgeId}`,
    subject: `batch/${Buffer.from(refusal.hash).toString('hex')}`,
    after: { code: refusal.code, ...(refusal.emsCode !== null && { emsCode: refusal.emsCode }) },
  }));
  await tx`
    insert into audit_entry (id, company_id, at, actor, action, subject, before, after)
    select r.id, r.company_id, r.at, r.actor, 'batch.refuse', r.subject, null, r.after
    from json_to_recordset(${JSON.stringify(records)}::text::json)
      as r(id uuid, company_id int4, at timestamptz, actor text, subject text, after jsonb)
    on conflict do nothing`;
}

/**
 * Keeps each refused batch once, with one row of the audit. A sender that floods is bounded: what
 * is beyond its quota is counted alone.
 */
export async function keepRefusals(tx: Transaction, refusals: readonly Refusal[]): Promise<void> {
  const fresh = await withoutKnown(tx, refusals);
  if (fresh.length === 0) return;
  const quotas = await lockQuotas(tx, fresh);
  const bySender = new Map(quotas.map((quota) => [quota.sender, quota]));
  const kept = fresh.filter((refusal) => {
    const quota = bySender.get(senderOf(refusal));
    return quota !== undefined && takeQuota(quota, refusal);
  });
  for (const quota of quotas) {
    await tx`
      update quarantine_quota set minute = ${quota.minute},
        kept_in_minute = ${quota.kept_in_minute}, kept = ${quota.kept.toString()}::int8,
        kept_bytes = ${quota.kept_bytes.toString()}::int8,
        only_counted = ${quota.only_counted.toString()}::int8
      where sender = ${quota.sender}`;
  }
  await quarantineBatches(tx, kept);
  if (kept.length > 0) await insertAudits(tx, kept);
}
