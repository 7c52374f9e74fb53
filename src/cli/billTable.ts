import type { BillFact, WarningFact } from './billFact.ts';

/** Columns as wide as their widest cell; numbers to the right. */
export function columns(
  rows: readonly (readonly string[])[],
  isNumber: (column: number) => boolean,
): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return isNumber(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

function billLines(currency: string, bill: BillFact): readonly string[] {
  const rows = bill.lines.map(
    ({ component, kind, period, tier, quantity, unit, price, amount, exact }) => [
      component,
      kind,
      [period, tier === null ? null : `tier ${tier}`].filter((part) => part !== null).join(', '),
      quantity,
      unit === 'currency' ? currency : unit,
      price === null ? '' : `x ${price}${unit === 'currency' ? ' %' : ''}`,
      amount,
      amount === exact ? '' : `(${exact})`,
    ],
  );
  const right = new Set([3, 6]);
  return [
    `${bill.from} to ${bill.to}: ${bill.total} ${currency}`,
    ...columns(rows, (column) => right.has(column)).map((line) => `  ${line}`),
  ];
}

/** Bills for people: a line's exact amount in brackets where it was rounded. */
export function billTable(given: {
  readonly currency: string;
  readonly bills: readonly BillFact[];
  readonly warnings: readonly WarningFact[];
}): string {
  const { currency, bills, warnings } = given;
  const told = warnings.map(({ code, bill, message }) =>
    bill === null ? `${code}: ${message}` : `${code} (${bill}): ${message}`,
  );
  return [...bills.flatMap((bill) => billLines(currency, bill)), ...told].join('\n');
}
