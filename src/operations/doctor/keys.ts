import { wrongKeys } from '../../db/doctor/ledgerWhole.ts';
import { firstUuid } from '../../db/doctor/transferPages.ts';
import { pagesOf } from './check.ts';
import type { DoctorCheck } from './check.ts';

export const keys: DoctorCheck = {
  name: 'keys',
  invariant: 'An idempotency key whose answer names a transfer has that one, with that amount.',
  async *find(context) {
    const first = { companyId: 0, key: firstUuid };
    const rows = pagesOf(context, first, (after) => wrongKeys(context.tx, after));
    for await (const { key, companyId, transferId } of rows) {
      const message = `Company ${companyId} was told of transfer ${transferId}; it is not so.`;
      yield { code: 'KEY_WITHOUT_TRANSFER', subject: `key/${key}`, message };
    }
  },
};
