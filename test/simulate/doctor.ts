import { doctorChecks } from '../../src/operations/doctor/checks.ts';
import type { DoctorCheck } from '../../src/operations/doctor/check.ts';
import type { Admin, Breach } from './invariants.ts';

/** What no operation can change is not asked after each step; seals are made by nobody there. */
const stepChecks = doctorChecks.filter(
  ({ name }) => !['guards', 'integers', 'seals', 'restores'].includes(name),
);

async function examine(
  admin: Admin,
  nowMs: number,
  checks: readonly DoctorCheck[],
): Promise<readonly Breach[]> {
  return admin.begin('isolation level repeatable read read only', async (tx) => {
    const breaches: Breach[] = [];
    for (const check of checks) {
      const context = { tx, nowMs, onProgress: () => {} };
      for await (const { code, subject, message } of check.find(context)) {
        breaches.push({ code, detail: `${subject}: ${message}` });
      }
    }
    return breaches;
  });
}

/** What the doctor finds in the books as they are after any step. */
export function examineStep(admin: Admin, nowMs: number): Promise<readonly Breach[]> {
  return examine(admin, nowMs, stepChecks);
}

/** By all of its checks. */
export function examineAll(admin: Admin, nowMs: number): Promise<readonly Breach[]> {
  return examine(admin, nowMs, doctorChecks);
}
