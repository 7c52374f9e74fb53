import { findFractionColumns, findLoosenings } from '../../db/doctor/ledgerWhole.ts';
import type { DoctorCheck } from './check.ts';

const appendOnly = [
  'transfer',
  'pending_transfer',
  'pending_end',
  'provider_event',
  'payment_step',
  'payment_receipt',
] as const;

export const guards: DoctorCheck = {
  name: 'guards',
  invariant: 'No role of the application can rewrite the ledger, and nobody can with its guard on.',
  async *find({ tx, onProgress }) {
    const rows = await findLoosenings(tx, appendOnly);
    onProgress(appendOnly.length);
    for (const { relation, code, detail } of rows) {
      const message =
        code === 'ROLE_MAY_REWRITE'
          ? `${detail}: take the right away.`
          : `The trigger ${detail} is off or gone: switch it on and look what was changed.`;
      yield { code, subject: `table/${relation}`, message };
    }
  },
};

export const integers: DoctorCheck = {
  name: 'integers',
  invariant: 'Amounts are whole micro-units everywhere.',
  async *find({ tx }) {
    for (const { name, type } of await findFractionColumns(tx)) {
      const message = `The column is ${type}, in which a sum is not exact.`;
      yield { code: 'AMOUNT_NOT_INTEGER', subject: `column/${name}`, message };
    }
  },
};
