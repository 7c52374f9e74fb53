import { addApproval } from '../../db/approvals.ts';
import type { Transaction } from '../../db/connect.ts';
import { hastenSupplyWaits } from '../../db/protections.ts';
import { isTripKnown } from '../../db/protectionRecords.ts';
import { readMeterSupplies } from '../../db/supplies.ts';
import type { MeterSupply } from '../../db/supplies.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import type { MeterId } from '../../domain/ids.ts';
import { breakerPeople } from '../../domain/command/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { derivedId } from '../derivedId.ts';
import { textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { staffChange } from './staffChange.ts';
import type { Changed, StaffCode } from './staffChange.ts';

export type ApproveCode = StaffCode | 'TRIP_NOT_FOUND' | 'METER_NOT_FOUND' | 'ALREADY_APPROVED';

export type Approved = {
  readonly subject: string;
  /** Different people who have said yes, this one too. */
  readonly people: number;
  readonly peopleNeeded: number;
  readonly isReplay: boolean;
};

type Approval = { readonly idempotencyKey: string; readonly reason: string };

/**
 * What a second person says yes to before a protected customer is cut: the next command of the
 * meter and no later one.
 */
export function protectedCutSubject(companyId: number, meter: MeterSupply): string {
  const { meterId, commands } = meter;
  const next = [String(companyId), String(meterId), String(commands)];
  return `command/${derivedId('protected_cut', ...next)}`;
}

async function approve(
  tx: Transaction,
  viewer: Viewer,
  { subject, reason, nowMs }: { subject: string; reason: string; nowMs: number },
): Promise<Outcome<Changed, ApproveCode>> {
  const { companyId, actor } = viewer;
  const said = { companyId, subject, actor, reason: reason.trim(), atMs: nowMs };
  const { isNew, actors } = await addApproval(tx, said);
  if (!isNew) {
    const message = 'You have approved it before: it takes another person. Nothing was changed.';
    return refuse('ALREADY_APPROVED', message);
  }
  const after = { approvedBy: actors };
  const answer = { subject, people: String(actors.length) };
  return accept({ answer, subject, before: null, after });
}

function approvedOf(
  outcome: Awaited<ReturnType<typeof staffChange<ApproveCode>>>,
  peopleNeeded: number,
): Outcome<Approved, ApproveCode> {
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  const people = Number(textOf(answer, 'people'));
  return accept({ subject: textOf(answer, 'subject'), people, peopleNeeded, isReplay });
}

/** One of the two people who let a tripped breaker's region be cut again. */
export async function approveBreaker(
  deps: RequestDeps,
  viewer: Viewer,
  input: Approval & { readonly tripId: string },
): Promise<Outcome<Approved, ApproveCode>> {
  const { idempotencyKey, reason, tripId } = input;
  const { companyId } = viewer;
  const outcome = await staffChange<ApproveCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.approveBreaker',
      action: 'breaker.approve',
      idempotencyKey,
      input: [tripId],
      reason,
    },
    async (tx, nowMs) => {
      if (!(await isTripKnown(tx, { companyId, id: tripId }))) {
        const message = 'Your company has no such trip. List them: ems-cli supply breaker.';
        return refuse('TRIP_NOT_FOUND', message, ['tripId']);
      }
      const done = await approve(tx, viewer, { subject: `breaker/${tripId}`, reason, nowMs });
      if (done.ok) await hastenSupplyWaits(tx, { companyId, accountId: null, atMs: nowMs });
      return done;
    },
  );
  return approvedOf(outcome, breakerPeople);
}

/** The person who agrees that somebody else cuts a protected customer. */
export async function approveDisconnect(
  deps: RequestDeps,
  viewer: Viewer,
  input: Approval & { readonly meterId: MeterId },
): Promise<Outcome<Approved, ApproveCode>> {
  const { idempotencyKey, reason, meterId } = input;
  const { companyId } = viewer;
  const outcome = await staffChange<ApproveCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.approveDisconnect',
      action: 'command.approve',
      idempotencyKey,
      input: [String(meterId)],
      reason,
    },
    async (tx, nowMs) => {
      const [meter] = await readMeterSupplies(tx, { companyId, meterId, nowMs });
      if (meter === undefined) {
        return refuse('METER_NOT_FOUND', 'You have no such meter. Check its id.', ['meterId']);
      }
      const subject = protectedCutSubject(companyId, meter);
      return approve(tx, viewer, { subject, reason, nowMs });
    },
  );
  return approvedOf(outcome, 1);
}
