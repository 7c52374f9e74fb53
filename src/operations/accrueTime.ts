import { insertTimeDuties, readSilentAgreements, writeAccruals } from '../db/accruals.ts';
import type { SilentAgreement } from '../db/accruals.ts';
import type { Sql } from '../db/connect.ts';
import { accrualsPerSweepMax, periodCloseMsMax } from '../domain/limits.ts';
import { dayMs, dayNumberOf } from '../domain/time/civil.ts';
import { localPartsAt, startOfLocalDayMs } from '../domain/time/zone.ts';

export type AccrueTimeDeps = {
  /** Under joulebook_writer. */
  readonly sql: Sql;
  readonly clock: { nowMs(): number };
};

export type AccruedTime = {
  /** Agreements whose time was moved on. */
  readonly agreements: number;
};

/** Midnight at the service point: whole days are charged, each when it is over. */
function midnightMs({ timeZone }: SilentAgreement, nowMs: number): number {
  return startOfLocalDayMs(timeZone, dayNumberOf(localPartsAt(timeZone, nowMs)));
}

/**
 * Charges the days that passed without a reading: standing charges go on while a meter is silent,
 * and a bill whose meter says nothing is closed some days after its end. The charges themselves
 * are made where all are, as a duty to rate again. Safe to run at any time and twice.
 */
export async function accrueTime({ sql, clock }: AccrueTimeDeps): Promise<AccruedTime> {
  const nowMs = clock.nowMs();
  let moved = 0;
  let after = 0;
  for (;;) {
    const page = await readSilentAgreements(sql, {
      sinceMs: nowMs - dayMs / 2,
      after,
      limit: accrualsPerSweepMax,
    });
    const due = page
      .map((each) => ({ ...each, untilMs: midnightMs(each, nowMs) }))
      .filter(({ untilMs, lastReadAtMs, accruedUntilMs }) => {
        return untilMs > Math.max(lastReadAtMs, accruedUntilMs ?? 0);
      });
    await sql.begin(async (tx) => {
      await writeAccruals(
        tx,
        due.map(({ untilMs, ...each }) => ({ ...each, accruedUntilMs: untilMs })),
      );
      await insertTimeDuties(
        tx,
        due.map(({ servicePointId, lastReadAtMs, accruedUntilMs, untilMs }) => {
          // Far enough back that a bill is closed which ended some days ago.
          const seenMs = Math.max(lastReadAtMs, accruedUntilMs ?? 0);
          const fromMs = Math.min(seenMs, untilMs - periodCloseMsMax - dayMs);
          return { servicePointId, fromDay: Math.floor(fromMs / dayMs) };
        }),
      );
    });
    moved += due.length;
    const last = page.at(-1);
    if (last === undefined || page.length < accrualsPerSweepMax) return { agreements: moved };
    after = last.agreementId;
  }
}
