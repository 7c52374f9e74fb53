import { findUnaudited, unauditedTransfers } from '../../db/doctor/auditPages.ts';
import { firstUuid } from '../../db/doctor/transferPages.ts';
import { findingsToldMax } from '../../domain/limits.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck } from './check.ts';

const message = 'The transaction that wrote it wrote no row of the audit.';

export const audit: DoctorCheck = {
  name: 'audit',
  invariant: 'Each change by people or providers has its audit row in the same transaction.',
  async *find(context) {
    const { tx } = context;
    const rows = pagesOf(context, firstUuid, (after) => unauditedTransfers(tx, after));
    for await (const row of rows) yield { ...row, message };
    for (const row of await findUnaudited(tx, findingsToldMax + 1)) yield { ...row, message };
  },
};
