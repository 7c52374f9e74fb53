import { Decimal } from 'decimal.js';
import { compileTariff } from '../../src/domain/rating/compile.ts';
import { accumulate, closeBill, finish } from '../../src/domain/rating/kernel.ts';
import { slotMs, slotOf } from '../../src/domain/rating/slot.ts';
import { parseTariffDocument } from '../../src/domain/tariff/document.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';

/** The published calendars know no daylight saving. */
const zone = 'UTC';
const slotsPerHour = 4;
const Exact = Decimal.clone({ precision: 60, toExpNeg: -60, toExpPos: 60 });

export type KernelBill = {
  /** Before any rounding, in currency units. */
  readonly exact: Decimal;
  /** What is posted when the period closes, in micro-units. */
  readonly totalMicros: bigint;
};

/** The production kernel over hours of energy in Wh, from an instant on. */
export function billHours(
  tariff: TariffText,
  { startMs, hourWh }: { startMs: number; hourWh: readonly number[] },
): KernelBill {
  const document = parseTariffDocument(tariff);
  if (!document.ok) throw new Error(`${document.code}: ${document.message}`);
  // The tariffs here change on the hour, so the energy of an hour may lie in any slot of it.
  const slotWh = new Float64Array(hourWh.length * slotsPerHour);
  for (const [hour, energyWh] of hourWh.entries()) slotWh[hour * slotsPerHour] = energyWh;
  const toMs = startMs + slotWh.length * slotMs;
  const compiled = compileTariff(document.value, { zone, fromMs: startMs, toMs });
  if (!compiled.ok) throw new Error(`${compiled.code}: ${compiled.message}`);
  const firstSlot = slotOf(startMs);
  const lines = finish(compiled.value, accumulate(compiled.value, { slotWh, firstSlot }));
  let exact: Decimal = new Exact(0);
  for (const { exact: part } of lines) {
    exact = exact.plus(new Exact(part.numerator.toString()).div(part.denominator.toString()));
  }
  return { exact, totalMicros: closeBill(lines, compiled.value.rounding).totalMicros };
}
