import type { Admin } from '../../test/simulate/invariants.ts';
import type { Ground } from './ground.ts';
import type { Journal } from './journal.ts';

/** Faults of the kind that the oracle is there for; each must be found. */
export const plantedFaults = [
  'unsentAcknowledged',
  'deletedLogRow',
  'movedBalance',
  'acknowledgesBeforeCommit',
] as const;
export type Planted = (typeof plantedFaults)[number];

/** A receipt that no server ever gave. */
export function plantInJournal(
  planted: Planted,
  { journal, ground }: { journal: Journal; ground: Ground },
): void {
  if (planted !== 'unsentAcknowledged') return;
  const [{ gateways }] = ground.companies;
  const [{ edgeId }] = gateways;
  const sequence = 1_000_000;
  const hash = '00'.repeat(32);
  journal.add({ edgeId, epoch: 1, sequence, hash, carried: Uint8Array.of(1) }, [], 0);
  journal.acknowledge(edgeId, { epoch: 1, sequence, nowMs: 0 });
}

/** What nobody can do under the application's roles: past triggers and grants. */
export async function plantInBooks(planted: Planted, admin: Admin): Promise<void> {
  if (planted !== 'deletedLogRow' && planted !== 'movedBalance') return;
  await admin.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    if (planted === 'deletedLogRow') {
      await tx`delete from batch_log where (shard, position) in
        (select shard, position from batch_log order by shard, position limit 1)`;
    } else {
      await tx`update account_balance set balance_micros = balance_micros + 1
        where account_id = (select min(account_id) from account_balance)`;
    }
  });
}
