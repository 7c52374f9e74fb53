import { mergeReadings } from '../../../src/domain/series/day.ts';
import type { MergeReport, ReadingColumns, SeriesDay } from '../../../src/domain/series/day.ts';
import { dayOf, emptyDay } from '../../../src/domain/series/day.ts';
import { walkDays } from '../../../src/domain/series/walk.ts';
import type { WalkOptions, WalkResult } from '../../../src/domain/series/walk.ts';

export const slotMs = 900_000;
export const dayMs = 86_400_000;
/** 2026-03-29, the 20,541st day of 1970. */
export const sampleDay = 20_541;
export const sampleDayMs = sampleDay * dayMs;

/** One register reading with its provenance, for tests that shuffle them singly. */
export type TestReading = {
  readonly atMs: number;
  readonly wh: number;
  readonly quality?: number;
  readonly revision?: number;
  readonly epoch?: number;
  readonly sequence?: number;
  readonly row?: number;
};

/** A house with 3 x 60 A at 230 V: 41,400 W. */
export const house: WalkOptions = {
  powerMaxW: 41_400,
  registerStepWh: 1,
  registerModulusWh: null,
  marks: [],
};

function columnsOf(reading: TestReading): ReadingColumns {
  const row = reading.row ?? 0;
  const columns: ReadingColumns = {
    readAtMs: new Float64Array(row + 1),
    value: new BigInt64Array(row + 1),
    quality: new Uint8Array(row + 1),
    revision: new Int32Array(row + 1).fill(reading.revision ?? 0),
    factor: 1,
    epoch: reading.epoch ?? 1,
    sequence: BigInt(reading.sequence ?? 1),
  };
  columns.readAtMs[row] = reading.atMs;
  columns.value[row] = BigInt(reading.wh);
  columns.quality[row] = reading.quality ?? 0;
  return columns;
}

export function offer(day: SeriesDay, reading: TestReading): MergeReport {
  const row = reading.row ?? 0;
  return mergeReadings(day, columnsOf(reading), { from: row, to: row + 1 });
}

/** The days that the readings fill, ascending, whatever the order of the readings. */
export function daysOf(readings: readonly TestReading[]): SeriesDay[] {
  const days = new Map<number, SeriesDay>();
  for (const reading of readings) {
    const number = dayOf(reading.atMs);
    const day = days.get(number) ?? emptyDay(number);
    days.set(number, day);
    offer(day, reading);
  }
  return [...days.values()].toSorted((a, b) => a.day - b.day);
}

/** Readings at whole slots from the start of the sample day. */
export function atSlots(values: readonly (readonly [slot: number, wh: number])[]): TestReading[] {
  return values.map(([slot, wh]) => ({ atMs: sampleDayMs + slot * slotMs, wh }));
}

export function walk(readings: readonly TestReading[], options: WalkOptions = house): WalkResult {
  return walkDays(daysOf(readings), null, options);
}

export function sum(energies: Float64Array): number {
  return energies.reduce((total, energyWh) => total + energyWh, 0);
}
