import { accept, refuse } from '../../src/domain/outcome.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import { hourMs } from '../../src/domain/time/civil.ts';
import { billingPeriodAt } from '../../src/domain/time/zone.ts';
import type { LoadCode, LoadFile, LoadHour } from './loadFile.ts';
import { startRegisterWh } from './registerKind.ts';

/** An instant at which meters are read, and what their registers stand at; null is not read. */
export type Poll = { readonly atMs: number; readonly registerWh: readonly (bigint | null)[] };

/** The hours of these local months; all hours when none are named. */
export function hoursOfMonths(
  { hours }: LoadFile,
  { zone, months }: { zone: string; months: readonly string[] | null },
): Outcome<readonly LoadHour[], LoadCode> {
  if (months === null) return accept(hours);
  const wanted = new Map<string, LoadHour[]>(months.map((month) => [month, []]));
  for (const hour of hours) wanted.get(billingPeriodAt(zone, hour.startMs).label)?.push(hour);
  const absent = [...wanted].find(([, found]) => found.length === 0);
  if (absent === undefined) {
    return accept([...wanted.values()].flat().toSorted((a, b) => a.startMs - b.startMs));
  }
  const message = `The file has no hour of ${absent[0]}; ask for months that it has.`;
  return refuse('LOAD_MONTH_ABSENT', message);
}

/**
 * A meter answers at every instant that bounds an hour with data and is not heard between. Over a
 * gap of the file, and over months that are left out, its register stands still: the file has no
 * energy for them, and each hour that it has is billed at its own time. The last poll is at the end
 * of the last month, so that every month is closed.
 */
export function pollsOf(
  hours: readonly LoadHour[],
  { meterCount, zone }: { meterCount: number; zone: string },
): readonly Poll[] {
  const registers = Array.from({ length: meterCount }, (_, index) => startRegisterWh(index));
  const byInstant = new Map<number, (bigint | null)[]>();
  const rowAt = (atMs: number): (bigint | null)[] => {
    const row = byInstant.get(atMs) ?? registers.map(() => null);
    byInstant.set(atMs, row);
    return row;
  };
  const heard = new Set<number>();
  for (const { startMs, energyWh } of hours) {
    for (const [meter, wh] of energyWh.entries()) {
      if (wh === null) continue;
      heard.add(meter);
      rowAt(startMs)[meter] = registers[meter];
      registers[meter] += wh;
      rowAt(startMs + hourMs)[meter] = registers[meter];
    }
  }
  const last = hours.at(-1);
  if (last !== undefined && heard.size > 0) {
    const closing = rowAt(billingPeriodAt(zone, last.startMs + hourMs - 1).endMs);
    for (const meter of heard) closing[meter] = registers[meter];
  }
  return [...byInstant]
    .toSorted(([a], [b]) => a - b)
    .map(([atMs, registerWh]) => ({ atMs, registerWh }));
}
