import type { Statement } from '../../db/connect.ts';
import { readMetersBeside } from '../../db/ratingInputs.ts';
import type { RatedMeter } from '../../db/ratingInputs.ts';
import { findUnpriced, readEnergies, readImportStands } from '../../db/reconciliation.ts';
import type { PointEnergy } from '../../db/reconciliation.ts';
import { assert } from '../../domain/assert.ts';
import { slotOf, slotStartMs } from '../../domain/rating/slot.ts';
import { decodeCarry } from '../../domain/series/carryCodec.ts';
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

type Open = { readonly atMs: number; readonly wh: bigint };

/**
 * By meter, what its open slot has so far, where that has no price: such energy is told when its
 * slot is over, and not with each reading as that of a bill is.
 */
async function readOpenUnpriced(
  tx: Statement,
  meterIds: readonly number[],
): Promise<ReadonlyMap<number, Open>> {
  const open = new Map<number, Open>();
  for (const { meterId, carry: bytes, lastValueWh } of await readImportStands(tx, meterIds)) {
    const carry = decodeCarry(bytes);
    assert(carry !== null, 'a head stands somewhere');
    const { boundarySlot, boundaryWh } = carry;
    open.set(meterId, { atMs: slotStartMs(boundarySlot), wh: lastValueWh - boundaryWh });
  }
  const places = [...open].map(([meterId, { atMs }]) => ({ meterId, atMs }));
  const unpriced = await findUnpriced(tx, places);
  return new Map([...open].filter(([meterId]) => unpriced.has(meterId)));
}

/**
 * Compares, for each service point and each local month that a window touches, the energy of its
 * slots with what is charged and what has no price. They are the same to the watt-hour, but for
 * what an open slot has without a price.
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
  const open = await readOpenUnpriced(
    tx,
    [...points.values()].flat().map(({ meterId }) => meterId),
  );
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
      const { startMs, endMs } = months[index];
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
      const openWh = meters.reduce((sum, { meterId }) => {
        const { atMs = -1, wh = 0n } = open.get(meterId) ?? {};
        return atMs >= startMs && atMs < endMs ? sum + wh : sum;
      }, 0n);
      if (isHeld || slotsWh === chargedWh + unratedWh + openWh) continue;
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
