import type { Transaction } from '../../db/connect.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { readHeads } from '../../db/series.ts';
import type { VeeDuty } from '../../db/veeFacts.ts';
import { readClosedPeriods, readSiblings } from '../../db/veeWindows.ts';
import { importChannel } from '../../domain/channel.ts';
import { veeDaysPerStepMax } from '../../domain/vee/limits.ts';
import { slotStartMs } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { metersAt } from '../rating/registry.ts';
import type { RatingMemory } from '../rating/registry.ts';
import type { JudgedWindow } from './decisionRow.ts';
import { localDaysFrom } from './noteDuties.ts';

/** What is judged of one meter in one step. */
export type JudgedMeter = {
  readonly meter: RatedMeter;
  /** Of the duty, at the begin of a local day. */
  readonly fromMs: number;
  readonly windows: readonly JudgedWindow[];
  /** Where the duty goes on in the next step; null: this was all of it. */
  readonly nextFromMs: number | null;
  /** Registers beside import that the meter has, and the first UTC day of each. */
  readonly siblings: readonly { readonly channel: number; readonly firstDay: number }[];
};

/** Local days that are complete, and closed bills: what ends in (fromMs, untilMs]. */
function windowsOf(
  meter: RatedMeter,
  days: readonly number[],
  bills: readonly number[],
): JudgedWindow[] {
  const windows: JudgedWindow[] = [];
  for (let at = 1; at < days.length; at += 1) {
    windows.push({ kind: 'day', fromMs: days[at - 1], toMs: days[at] });
  }
  for (const periodStartMs of bills) {
    const { startMs, endMs } = billingPeriodAt(meter.timeZone, periodStartMs);
    windows.push({ kind: 'bill', fromMs: startMs, toMs: endMs });
  }
  return windows;
}

/** The windows of these duties, as many as one step may take. */
export async function judgedMeters(
  tx: Transaction,
  memory: RatingMemory,
  duties: readonly VeeDuty[],
): Promise<readonly JudgedMeter[]> {
  const meterIds = duties.map(({ meterId }) => meterId);
  const heads = await readHeads(tx, { meterIds, channel: importChannel });
  const boundaries = new Map(
    heads.map(({ meterId, carry }) => {
      const decoded = decodeCarry(carry);
      return [meterId, decoded === null ? 0 : slotStartMs(decoded.boundarySlot)];
    }),
  );
  const known = duties.flatMap((duty) => {
    const meter = memory.meters.get(duty.meterId);
    return meter === undefined ? [] : [{ ...duty, meter }];
  });
  const closed = await readClosedPeriods(
    tx,
    known.map(({ meter, fromMs }) => ({
      meterId: metersAt(memory, meter.servicePointId)[0].meterId,
      fromMs: billingPeriodAt(meter.timeZone, fromMs).startMs,
    })),
  );
  const siblings = Map.groupBy(await readSiblings(tx, meterIds), (each) => each.meterId);
  let daysLeft = veeDaysPerStepMax;
  return known.map(({ meter, fromMs }, index) => {
    const settledMs = boundaries.get(meter.meterId) ?? 0;
    const all = settledMs <= fromMs ? [fromMs] : localDaysFrom(meter.timeZone, fromMs, settledMs);
    const complete = all.filter((startMs) => startMs <= settledMs || startMs === fromMs);
    const taken = complete.slice(0, Math.max(2, daysLeft + 1));
    daysLeft -= taken.length - 1;
    const untilMs = taken.length < complete.length ? taken[taken.length - 1] : null;
    const bills = (closed.get(index) ?? []).filter((startMs) => {
      const { endMs } = billingPeriodAt(meter.timeZone, startMs);
      return endMs > fromMs && (untilMs === null || endMs <= untilMs);
    });
    return {
      meter,
      fromMs,
      windows: windowsOf(meter, taken, bills),
      nextFromMs: untilMs,
      siblings: siblings.get(meter.meterId) ?? [],
    };
  });
}
