import { formatDecimal } from '../../src/domain/exact.ts';
import type { Comparison } from './compare.ts';

type Amounts = { readonly oursMicros: bigint; readonly independentMicros: bigint };
type Row = Amounts & { readonly energyWh: ReadonlyMap<string, bigint> };

const meterLettersShown = 12;

function kwh(energyWh: bigint): string {
  return formatDecimal(energyWh, { decimals: 3, decimalsMin: 3 });
}

function money(micros: bigint): string {
  return formatDecimal(micros, { decimals: 6, decimalsMin: 6 });
}

/** The periods of the first component: the others bill the same energy again. */
function periodKeys(rows: readonly Row[]): readonly string[] {
  const keys = new Set<string>();
  for (const { energyWh } of rows) {
    const [first] = energyWh.keys();
    const component = first?.slice(0, first.indexOf('/') + 1) ?? '';
    for (const key of energyWh.keys()) if (key.startsWith(component)) keys.add(key);
  }
  return [...keys].filter((key) => rows.some(({ energyWh }) => (energyWh.get(key) ?? 0n) > 0n));
}

function cellsOf(name: string, row: Row, keys: readonly string[]): string[] {
  const energies = keys.map((key) => row.energyWh.get(key) ?? 0n);
  const { oursMicros, independentMicros } = row;
  return [
    name,
    ...energies.map(kwh),
    kwh(energies.reduce((sum, wh) => sum + wh, 0n)),
    money(oursMicros),
    money(independentMicros),
    money(oursMicros - independentMicros),
  ];
}

function totalOf(rows: readonly Row[]): Row {
  const energyWh = new Map<string, bigint>();
  let oursMicros = 0n;
  let independentMicros = 0n;
  for (const row of rows) {
    for (const [key, wh] of row.energyWh) energyWh.set(key, (energyWh.get(key) ?? 0n) + wh);
    oursMicros += row.oursMicros;
    independentMicros += row.independentMicros;
  }
  return { energyWh, oursMicros, independentMicros };
}

function layOut(table: readonly (readonly string[])[]): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((cells) => cells[column]?.length ?? 0)),
  );
  return table
    .map((cells) =>
      cells
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function tableOf(
  title: string,
  rows: readonly { readonly name: string; readonly row: Row }[],
  currency: string,
): string {
  const all = rows.map(({ row }) => row);
  const keys = periodKeys(all);
  const periods = keys.map((key) => `${key.slice(key.indexOf('/') + 1)} kWh`);
  const head = [
    title,
    ...periods,
    'all kWh',
    `billed ${currency}`,
    `independent ${currency}`,
    'difference',
  ];
  const body = rows.map(({ name, row }) => cellsOf(name, row, keys));
  return layOut([head, ...body, cellsOf('total', totalOf(all), keys)]);
}

/** Two tables for people: by account over all months, by month over all accounts. */
export function describeComparison(comparison: Comparison, currency: string): string {
  const accounts = comparison.accounts.map((row) => ({
    name: row.meter.slice(0, meterLettersShown),
    row,
  }));
  const months = comparison.months.map((row) => ({ name: row.month, row }));
  return `${tableOf('meter', accounts, currency)}\n\n${tableOf('month', months, currency)}`;
}

function rowAsJson({ energyWh, oursMicros, independentMicros }: Row) {
  return {
    energyWh: Object.fromEntries([...energyWh].map(([key, wh]) => [key, wh.toString()])),
    billedMicros: oursMicros.toString(),
    independentMicros: independentMicros.toString(),
    differenceMicros: (oursMicros - independentMicros).toString(),
  };
}

/** Integers as texts, because a JSON number is a float. */
export function comparisonAsJson(comparison: Comparison) {
  return {
    accounts: comparison.accounts.map((row) => ({ meter: row.meter, ...rowAsJson(row) })),
    months: comparison.months.map((row) => ({ month: row.month, ...rowAsJson(row) })),
    totalBilledMicros: comparison.totalOursMicros.toString(),
    totalIndependentMicros: comparison.totalIndependentMicros.toString(),
    differences: comparison.differences,
  };
}
