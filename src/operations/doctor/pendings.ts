import { firstUuid, wrongPendings } from '../../db/doctor/transferPages.ts';
import { pendingOverdueMs } from '../../domain/limits.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck } from './check.ts';

export const pendings: DoctorCheck = {
  name: 'pendings',
  invariant: 'A pending transfer ends exactly once: posted as its transfer, voided or expired.',
  async *find(context) {
    const overdueMs = context.nowMs - pendingOverdueMs;
    const rows = pagesOf(context, firstUuid, (after) =>
      wrongPendings(context.tx, after, overdueMs),
    );
    for await (const { id, code } of rows) {
      const message =
        code === 'PENDING_OVERDUE'
          ? 'It expired and nothing has ended it: the sweep of the workers does not run.'
          : 'Its end and the transfers do not say the same.';
      yield { code, subject: `pending/${id}`, message };
    }
  },
};
