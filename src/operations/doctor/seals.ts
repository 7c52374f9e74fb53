import { isReconciled } from '../../db/protections.ts';
import { verifySeals } from '../seal/verifySeals.ts';
import type { DoctorCheck } from './check.ts';

export const seals: DoctorCheck = {
  name: 'seals',
  invariant: 'What was sealed is as it was sealed, and nothing came in behind it.',
  find: ({ tx, onProgress }) => verifySeals({ tx, checkpoints: null, trustedKeys: [], onProgress }),
};

export const restores: DoctorCheck = {
  name: 'restores',
  invariant: 'No restore of the database waits to be reconciled.',
  async *find({ tx }) {
    if (await isReconciled(tx)) return;
    const message = 'Nobody is cut until somebody has run ems-cli restore reconcile.';
    yield { code: 'RESTORE_OPEN', subject: 'database', message };
  },
};
