import type { Statement } from '../../db/connect.ts';
import { readMetersBeside } from '../../db/ratingInputs.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { readEnergies } from '../../db/reconciliation.ts';
import type { PointEnergy } from '../../db/reconciliation.ts';
import { slotOf } from '../../domain/rating/slot.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { billingPeriodAt } from '../../domain/time/zone.ts';
import { readWholeLoads } from '../rating/wholeLoad.ts';
import type { WholeBill } from '../rating/wholeLoad.ts';
import type { Findings } from './finding.ts';

/** Energy of import, in Wh: of the slots, and what became of it. */
export type EnergyCount = {
  readonly points: number;
  readonly months: number;
  readonly slotsWh: bigint;
  readonly chargedWh: bigint;
  readonly unratedWh: bigint;
  /** Months of a bill that is held: what it has posted may lag behind its slots. */
  readonly heldMonths: number;
  readonly unexplained: number;
};

type Month = { readonly startMs: number; readonly endMs: number };

function monthsOf(zone: string, fromMs: number, toMs: number): Month[] {
  const months: Month[] = [];
  for (let atMs = fromMs; atMs < toMs;) {
    const { startMs, endMs } = billingPeriodAt(zone, atMs);
    months.push({ startMs, endMs });
    atMs = endMs;
  }
  return months;
}

function sumOf(wh: Float64Array): bigint {
  let sum = 0n;
  for (const each of wh) if (!Number.isNaN(each)) sum += BigInt(each);
  return sum;
}

/**
 * Compares, for each service point and each local month that a window touches, the energy of its
 * slots with what is charged and what has no price. They are the same to the watt-hour.
 */
export async function weighEnergy(
  tx: Statement,
  asked: {
    readonly companyId: number;
    readonly meterIds: readonly number[];
    readonly fromMs: number;
    readonly toMs: number;
    onPoints(points: number): void;
  },
  findings: Findings,
): Promise<EnergyCount> {
  const { companyId, fromMs, toMs } = asked;
  const points = new Map<number, RatedMeter[]>();
  for (const meter of await readMetersBeside(tx, asked.meterIds)) {
    const beside = points.get(meter.servicePointId) ?? [];
    points.set(meter.servicePointId, beside);
    beside.push(meter);
  }
  // A local month begins or ends within two days of the same month of UTC.
  const wide = { companyId, fromMs: fromMs - 33 * dayMs, toMs: toMs + 2 * dayMs };
  const said = new Map<string, PointEnergy>();
  for (const row of await readEnergies(tx, wide)) {
    said.set(`${row.meterId}/${row.periodStart.getTime()}`, row);
  }
  const total = { slotsWh: 0n, chargedWh: 0n, unratedWh: 0n, heldMonths: 0, months: 0 };
  const before = findings.count;
  let done = 0;
  for (const [point, meters] of points) {
    const months = monthsOf(meters[0].timeZone, fromMs, toMs);
    const bills: WholeBill[] = months.map(({ startMs, endMs }) => ({
      meters,
      flows: ['import'],
      firstSlot: slotOf(startMs),
      endSlot: slotOf(endMs - 1) + 1,
    }));
    for (const [index, load] of (await readWholeLoads(tx, bills)).entries()) {
      const { startMs } = months[index];
      const rows = meters.flatMap(({ meterId }) => said.get(`${meterId}/${startMs}`) ?? []);
      const slotsWh = sumOf(load.energies.import);
      const chargedWh = rows.reduce((sum, row) => sum + row.chargedWh, 0n);
      const unratedWh = rows.reduce((sum, row) => sum + row.unratedWh, 0n);
      const isHeld = rows.some((row) => row.isHeld);
      total.months += 1;
      total.slotsWh += slotsWh;
      total.chargedWh += chargedWh;
      total.unratedWh += unratedWh;
      if (isHeld) total.heldMonths += 1;
      if (isHeld || slotsWh === chargedWh + unratedWh) continue;
      const month = new Date(startMs).toISOString();
      const message =
        `the month from ${month} has ${slotsWh} Wh in its slots, ${chargedWh} Wh charged and ` +
        `${unratedWh} Wh without a price`;
      findings.add('ENERGY_DIFFERS', `service_point/${point}`, message);
    }
    done += 1;
    asked.onPoints(done);
  }
  return { points: points.size, ...total, unexplained: findings.count - before };
}
