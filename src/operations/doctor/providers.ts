import { wrongCalls, wrongTokens } from '../../db/doctor/providers.ts';
import { findingsToldMax } from '../../domain/limits.ts';
import { providerOverdueMs } from '../../domain/payment/limits.ts';
import type { DoctorCheck } from './check.ts';

export const tokens: DoctorCheck = {
  name: 'tokens',
  invariant: 'Each token that adds has its payment, and none is above its device’s count.',
  async *find({ tx }) {
    for (const { meterId, tokenCount, code } of await wrongTokens(tx, findingsToldMax)) {
      const message = `Its token of count ${tokenCount} is not what was paid for.`;
      yield { code, subject: `meter/${meterId}`, message };
    }
  },
};

export const providerCalls: DoctorCheck = {
  name: 'provider-calls',
  invariant: 'What a provider is to be asked for is asked in time, and charged once at a time.',
  async *find({ tx, nowMs }) {
    const query = { overdueMs: nowMs - providerOverdueMs, limit: findingsToldMax };
    for (const { id, code } of await wrongCalls(tx, query)) {
      const message = 'Nobody asks for it, or another charge of its account is open, too.';
      yield { code, subject: `provider_call/${id}`, message };
    }
  },
};
