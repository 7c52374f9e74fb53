import { findKeypadAccount, insertTokenIssue, lockKeypad, moveKeypad } from '../../db/keypads.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { openPaygo } from '../../wire/openPaygo.ts';
import type { TokenCode } from '../../wire/tokenProvider.ts';
import { textOf } from '../onceByKey.ts';
import type { RequestDeps } from '../onceByKey.ts';
import { staffChange } from '../supply/staffChange.ts';
import type { StaffCode } from '../supply/staffChange.ts';

export type InstructKeypadInput = {
  readonly idempotencyKey: string;
  readonly meterId: number;
  readonly kind: 'set' | 'disable';
  /** Of `set`: days or units, as the device counts; it has no more and no less then. */
  readonly value: number | null;
  readonly reason: string;
};

export type InstructKeypadCode = StaffCode | TokenCode | 'KEYPAD_UNKNOWN' | 'AGREEMENT_NOT_FOUND';

export type Instruction = {
  readonly meterId: number;
  readonly tokenCount: number;
  readonly isReplay: boolean;
};

/**
 * A token that nobody paid for: it sets what a device has left, or lets it work for good without
 * tokens. By an administrator with a reason, because it gives what others pay for.
 */
export async function instructKeypad(
  deps: Pick<RequestDeps, 'sql' | 'clock'>,
  viewer: Viewer,
  input: InstructKeypadInput,
): Promise<Outcome<Instruction, InstructKeypadCode>> {
  const { idempotencyKey, meterId, kind, reason } = input;
  const { companyId } = viewer;
  const value = kind === 'set' ? (input.value ?? -1) : 0;
  const outcome = await staffChange<InstructKeypadCode>(
    deps,
    viewer,
    {
      rule: 'Mutation.instructKeypad',
      action: `keypad.${kind}`,
      idempotencyKey,
      input: [String(meterId), kind, String(value)],
      reason,
    },
    async (tx, nowMs) => {
      const device = await lockKeypad(tx, meterId);
      if (device === null) {
        const message = 'This meter has no keypad that you may see. Check its id.';
        return refuse('KEYPAD_UNKNOWN', message, ['meterId']);
      }
      const { digits, carriedMicros, tokenCount: lastCount } = device;
      const checked = openPaygo.checkToken({ digits, kind, value });
      if (!checked.ok) return { ...checked, path: ['value'] };
      const accountId = await findKeypadAccount(tx, { meterId, atMs: nowMs });
      if (accountId === null) {
        const message = 'The place of the meter is nobody’s now. Let it pass to its landlord.';
        return refuse('AGREEMENT_NOT_FOUND', message, ['meterId']);
      }
      const tokenCount = openPaygo.nextCount(lastCount, kind);
      const token = { meterId, tokenCount, companyId, accountId, kind, value } as const;
      await insertTokenIssue(tx, { ...token, paymentId: null, issuedAtMs: nowMs });
      await moveKeypad(tx, { meterId, tokenCount, carriedMicros });
      return accept({
        answer: { tokenCount: String(tokenCount) },
        subject: `meter/${meterId}`,
        before: { tokenCount: lastCount },
        after: { tokenCount, kind, value, accountId },
      });
    },
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  return accept({ meterId, tokenCount: Number(textOf(answer, 'tokenCount')), isReplay });
}
