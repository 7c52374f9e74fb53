import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { compare, fraction, parseDecimal } from '../../src/domain/exact.ts';
import { compileTariff } from '../../src/domain/rating/compile.ts';
import {
  accumulate,
  chargeMicros,
  closeBill,
  finish,
  runningMicros,
} from '../../src/domain/rating/kernel.ts';
import { slotMs } from '../../src/domain/rating/slot.ts';
import { parseTariffDocument } from '../../src/domain/tariff/document.ts';
import { tariffShape } from '../../src/domain/tariff/shape.ts';
import { referenceBill } from './referenceEngine.ts';

/** Each folder: a tariff, readings (start, how many slots, Wh a slot; empty: no data), and the bill
 * worked by hand in its WHY.md. */
const goldenDirectory = join(import.meta.dirname, 'golden');

const billShape = z.strictObject({
  zone: z.string(),
  from: z.string(),
  to: z.string(),
  missingSlots: z.number(),
  lines: z.array(
    z.strictObject({
      component: z.string(),
      period: z.string(),
      quantityWh: z.string(),
      exact: z.string(),
    }),
  ),
  lineMicros: z.array(z.string()),
  roundingMicros: z.string(),
  totalMicros: z.string(),
  runningMicros: z.string(),
});

type Slot = { startMs: number; energyWh: number | null };

function readCase(name: string): {
  tariff: z.input<typeof tariffShape>;
  bill: z.output<typeof billShape>;
  slots: Slot[];
} {
  const text = (file: string): string => readFileSync(join(goldenDirectory, name, file), 'utf8');
  const bill = billShape.parse(JSON.parse(text('bill.json')));
  const tariff = tariffShape.parse(JSON.parse(text('tariff.json')));
  const slots: Slot[] = [];
  for (const row of text('readings.csv').trim().split('\n').slice(1)) {
    const [start = '', count = '', slotWh = ''] = row.split(',');
    for (let index = 0; index < Number(count); index += 1) {
      const startMs = Date.parse(start) + index * slotMs;
      slots.push({ startMs, energyWh: slotWh === '' ? null : Number(slotWh) });
    }
  }
  return { tariff, bill, slots };
}

const names = readdirSync(goldenDirectory);

test('the golden bills are there', () => {
  expect(names.length).toBeGreaterThanOrEqual(13);
});

describe.each(names)('%s', (name) => {
  const { tariff, bill, slots } = readCase(name);
  const window = { zone: bill.zone, fromMs: Date.parse(bill.from), toMs: Date.parse(bill.to) };
  const inWindow = slots.filter(({ startMs }) => startMs >= window.fromMs && startMs < window.toMs);

  test('the kernel bills what was worked by hand', () => {
    const document = parseTariffDocument(tariff);
    if (!document.ok) throw new Error(document.message);
    const compiled = compileTariff(document.value, window);
    if (!compiled.ok) throw new Error(compiled.message);
    const firstSlot = window.fromMs / slotMs;
    const slotWh = new Float64Array(compiled.value.slotCount).fill(Number.NaN);
    for (const { startMs, energyWh } of inWindow) {
      slotWh[startMs / slotMs - firstSlot] = energyWh ?? Number.NaN;
    }
    const sums = accumulate(compiled.value, { slotWh, firstSlot });
    const lines = finish(compiled.value, sums);
    expect(sums.missingSlots).toBe(bill.missingSlots);
    expect(
      lines.map(({ component, period, quantityWh }) => ({
        component,
        period,
        quantityWh: quantityWh.toString(),
      })),
    ).toEqual(
      bill.lines.map(({ component, period, quantityWh }) => ({ component, period, quantityWh })),
    );
    for (const [index, line] of lines.entries()) {
      const exact = parseDecimal(bill.lines[index]?.exact ?? '', 11);
      if (!exact.ok) throw new Error(exact.message);
      expect(compare(line.exact, fraction(exact.value, 100_000_000_000n))).toBe(0);
    }
    const closed = closeBill(lines, compiled.value.rounding);
    expect(closed.lineMicros.map(String)).toEqual(bill.lineMicros);
    expect(closed.roundingMicros.toString()).toBe(bill.roundingMicros);
    expect(closed.totalMicros.toString()).toBe(bill.totalMicros);
    expect(chargeMicros(lines).toString()).toBe(bill.runningMicros);
    expect(runningMicros(compiled.value, sums.sumWh).toString()).toBe(bill.runningMicros);
  });

  test('the reference engine bills the same', () => {
    const reference = referenceBill({ tariff, zone: bill.zone, slots: inWindow });
    expect(reference.lines.map(({ amount: _amount, ...line }) => line)).toEqual(bill.lines);
    expect(reference.totalMicros).toBe(bill.totalMicros);
    expect(reference.runningMicros).toBe(bill.runningMicros);
    expect(reference.missingSlots).toBe(bill.missingSlots);
  });
});
