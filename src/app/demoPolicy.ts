import type { PolicyText } from '../domain/prepaid/policyShape.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { derivedId } from '../operations/derivedId.ts';
import type { RequestDeps } from '../operations/onceByKey.ts';
import { publishPolicy } from '../operations/prepaid/publishPolicy.ts';

/**
 * No hours protect in the demonstration, so that a newcomer sees a cut at any time of any day. Real
 * companies publish their own; what is published nowhere stands on the customer's side.
 */
const demoPolicy: PolicyText = {
  name: 'standard',
  note: 'Of the demonstration: cuts at any hour, once the notice has arrived.',
  warnings: { days: [7, 3, 1], balances: ['1.00'] },
  emergencyCredit: { amount: '10.00', selectableBelow: '1.00' },
  protectedHours: [],
  weather: null,
  // Told when the credit is used up, and cut as soon as it has arrived.
  notice: { hoursBefore: 0, delivered: true },
  breaker: { cutsMax: 20, minutes: 10 },
};

/** A day after that of an earlier one, which data directories may have. */
const validFromMs = Date.UTC(2020, 0, 2);

/** Once for what it says; a data directory that has an earlier one keeps it. */
export async function publishDemoPolicy(deps: RequestDeps, viewer: Viewer): Promise<void> {
  const published = await publishPolicy(deps, viewer, {
    idempotencyKey: derivedId('demonstration policy', JSON.stringify(demoPolicy)),
    validFromMs,
    document: demoPolicy,
    reason: 'the demonstration begins',
  });
  if (published.ok || published.code === 'POLICY_BEGINS_TWICE') return;
  throw new Error(`${published.code}: ${published.message}`);
}
