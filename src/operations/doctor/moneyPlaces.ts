import { readHeldCash } from '../../db/cash.ts';
import { findWrongVouchers, readAgentCash } from '../../db/doctor/moneyPlaces.ts';
import { findingsToldMax } from '../../domain/limits.ts';
import { moneyText } from '../../domain/tariff/currency.ts';
import type { DoctorCheck } from './check.ts';

/** One more than is told: so that a check says that it was cut. */
const limit = findingsToldMax + 1;

const messages: ReadonlyMap<string, string> = new Map([
  ['VOUCHER_USE_NOT_ITS_CREDIT', 'It is used, and not exactly its worth was credited for it.'],
  ['VOUCHER_CREDIT_WITHOUT_USE', 'It credits a voucher that is not used.'],
  ['VOUCHER_NOT_OF_ITS_BATCH', 'Its serial is not of the batch that it names.'],
  ['VOUCHER_USED_LATE', 'It was used after its last day.'],
  ['VOUCHERS_SOLD_BELOW_ZERO', 'More vouchers were used than were sold.'],
]);

function messageOf(code: string): string {
  return messages.get(code) ?? 'It is not sound.';
}

export const vouchers: DoctorCheck = {
  name: 'vouchers',
  invariant: 'A voucher is used once, in time, for exactly its worth, and after it was sold.',
  async *find({ tx }) {
    const rows = await findWrongVouchers(tx, limit);
    for (const row of rows) yield { ...row, message: messageOf(row.code) };
  },
};

export const agents: DoctorCheck = {
  name: 'agents',
  invariant: 'What an agent holds is what its limit is held against, and no more than that.',
  async *find({ tx, onProgress }) {
    const rows = await readAgentCash(tx);
    onProgress(rows.length);
    for (const { agentId, ledgerId, floatLimitMicros, heldMicros, currency } of rows) {
      const held = moneyText(heldMicros, currency);
      const subject = `payment-agent/${agentId}`;
      const seenMicros = await readHeldCash(tx, { agentId, ledgerId });
      if (seenMicros !== heldMicros) {
        const seen = moneyText(seenMicros, currency);
        const message = `The ledger says ${held}, its limit is held to ${seen}.`;
        yield { code: 'AGENT_CASH_UNSEEN', subject, message };
      }
      if (heldMicros > floatLimitMicros) {
        const message = `It holds ${held}, and may hold ${moneyText(floatLimitMicros, currency)}.`;
        yield { code: 'AGENT_ABOVE_LIMIT', subject, message };
      }
    }
  },
};
