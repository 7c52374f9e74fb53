import { assertNever } from '../../src/domain/assert.ts';
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
function plantReceipt(journal: Journal, { companies }: Ground): void {
  const [{ gateways }] = companies;
  const [{ edgeId }] = gateways;
  const sequence = 1_000_000;
  const hash = '00'.repeat(32);
  journal.add({ edgeId, epoch: 1, sequence, hash, carried: Uint8Array.of(1) }, [], 0);
  journal.acknowledge(edgeId, { epoch: 1, sequence, nowMs: 0 });
}

/** Past triggers and grants, as nobody can under the application's roles. */
export async function plant(
  planted: Exclude<Planted, 'acknowledgesBeforeCommit'>,
  { admin, journal, ground }: { admin: Admin; journal: Journal; ground: Ground },
): Promise<void> {
  switch (planted) {
    case 'unsentAcknowledged':
      return plantReceipt(journal, ground);
    case 'deletedLogRow':
      await admin.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx`delete from batch_log where (shard, position) in
          (select shard, position from batch_log order by shard, position limit 1)`;
      });
      return;
    case 'movedBalance':
      await admin.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx`update account_balance set balance_micros = balance_micros + 1
          where account_id = (select min(account_id) from account_balance)`;
      });
      return;
    default:
      assertNever(planted);
  }
}
