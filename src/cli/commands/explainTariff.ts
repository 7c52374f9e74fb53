import { exactText } from '../../domain/exactText.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { explainLoad } from '../../domain/rating/explain.ts';
import type { ExplainedLine } from '../../domain/rating/explain.ts';
import { rateLoad } from '../../domain/rating/rateLoad.ts';
import type { MonthBill } from '../../domain/rating/rateLoad.ts';
import { describeTariff } from '../../domain/tariff/describe.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { billFact, lineFact } from '../billFact.ts';
import type { BillFact, LineFact } from '../billFact.ts';
import { billTable, columns } from '../billTable.ts';
import { readCircumstances, readRateInput } from '../circumstances.ts';
import type { CircumstanceOptions, RateInput } from '../circumstances.ts';
import { customerClassWarnings, sayWarnings } from '../customerClass.ts';
import { localInstantText } from '../localDates.ts';
import { firstDocument, openTariff } from '../tariffFile.ts';
import type { OpenedTariff } from '../tariffFile.ts';
import { wholeNumber } from '../wholeNumber.ts';

export type ExplainOptions = CircumstanceOptions & {
  readonly load?: string | undefined;
  readonly month?: string | undefined;
  readonly component?: string | undefined;
  readonly period?: string | undefined;
  readonly tier?: string | undefined;
};

type ExplainedFact = {
  readonly line: LineFact;
  readonly intervals: readonly {
    readonly from: string;
    readonly to: string;
    readonly quantity: string;
    readonly price: string;
    readonly exact: string;
  }[];
  /** What no interval made. */
  readonly rest: { readonly quantity: string; readonly exact: string };
};

function explainedFact({ line, intervals, rest }: ExplainedLine, zone: string): ExplainedFact {
  return {
    line: lineFact(line),
    intervals: intervals.map(({ fromMs, toMs, quantity, price, exact }) => ({
      from: localInstantText(zone, fromMs),
      to: localInstantText(zone, toMs),
      quantity: exactText(quantity),
      price: exactText(price),
      exact: exactText(exact),
    })),
    rest: { quantity: exactText(rest.quantity), exact: exactText(rest.exact) },
  };
}

function lineTitle(line: LineFact, currency: string): string {
  const { component, period, tier, quantity, amount, exact } = line;
  const unit = line.unit === 'currency' ? currency : line.unit;
  const parts = [component, period, tier === null ? null : `tier ${tier}`];
  const name = parts.filter((part) => part !== null).join(', ');
  const rounded = amount === exact ? '' : `, rounded to ${amount}`;
  return `${name}: ${quantity} ${unit}, ${exact}${rounded}`;
}

/** For people, without the intervals that add nothing. */
function explainedText(
  { line, intervals, rest }: ExplainedFact,
  currency: string,
): readonly string[] {
  const telling = intervals.filter(({ quantity, exact }) => quantity !== '0' || exact !== '0');
  const rows = telling.map(({ from, to, quantity, price, exact }) => [
    from,
    `to ${to}`,
    quantity,
    `x ${price}`,
    exact,
  ]);
  const isRest = rest.quantity !== '0' || rest.exact !== '0';
  return [
    lineTitle(line, currency),
    ...columns(rows, (column) => column === 2 || column === 4).map((row) => `  ${row}`),
    ...(isRest ? [`  of no interval: ${rest.quantity}, ${rest.exact}`] : []),
  ];
}

/** The bill of the month that is asked for, else the first. */
function billOf(
  bills: readonly MonthBill[],
  month: string | undefined,
): Outcome<MonthBill, 'MONTH_NOT_BILLED'> {
  const bill = month === undefined ? bills[0] : bills.find(({ label }) => label === month);
  if (bill !== undefined) return accept(bill);
  const known = bills.map(({ label }) => label).join(', ');
  return refuse('MONTH_NOT_BILLED', `${month ?? 'No month'} is not billed; there are: ${known}.`);
}

function tierOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return wholeNumber(text, '--tier', { max: 99 });
}

/** The lines of a component, each once by its name: a tier and its flat amount share it. */
function explainLines(
  input: RateInput,
  documents: OpenedTariff['documents'],
  wanted: { readonly bill: MonthBill; readonly options: ExplainOptions },
): Outcome<readonly ExplainedLine[], string> {
  const { bill, options } = wanted;
  const tier = tierOf(options.tier);
  const lines = bill.lines.filter(
    (line) =>
      line.component === options.component &&
      (options.period === undefined || line.period === options.period) &&
      (tier === undefined || line.tier === tier),
  );
  const names = new Map(lines.map((line) => [`${line.period}/${line.tier}`, line]));
  const explained: ExplainedLine[] = [];
  for (const line of names.values()) {
    const named = { component: line.component, period: line.period, tier: line.tier };
    const found = explainLoad({ ...input, documents }, { ...named, label: bill.label });
    if (!found.ok) return found;
    explained.push(...found.value);
  }
  if (explained.length > 0) return accept(explained);
  const known = [...new Set(bill.lines.map(({ component }) => component))].join(', ');
  const message = `The bill of ${bill.label} has no such line; its components are: ${known}.`;
  return refuse('LINE_NOT_FOUND', message);
}

function explainBill(opened: OpenedTariff, load: string, options: ExplainOptions): Answer {
  const circumstances = readCircumstances(opened, options);
  if (!circumstances.ok) return circumstances;
  const input = readRateInput(circumstances.value, load, options);
  if (!input.ok) return input;
  const { documents } = opened;
  const rated = rateLoad({ ...input.value, documents });
  if (!rated.ok) return rated;
  const bill = billOf(rated.value.bills, options.month);
  if (!bill.ok) return bill;
  const { zone, attributes } = input.value;
  sayWarnings(customerClassWarnings(documents, attributes));
  const { currency } = firstDocument(opened);
  const month = bill.value.label;
  if (options.component === undefined) {
    const told: BillFact = billFact(bill.value, zone);
    const description = documents.flatMap((document) => [...describeTariff(document)]);
    const table = billTable({ currency, bills: [told], warnings: [] });
    const advice = 'Take a line apart with --component NAME [--period NAME] [--tier NUMBER].';
    const sentence = [...description, table, advice].join('\n');
    return accept({ sentence, facts: { description, currency, zone, month, bill: told } });
  }
  const explained = explainLines(input.value, documents, { bill: bill.value, options });
  if (!explained.ok) return explained;
  const lines = explained.value.map((line) => explainedFact(line, zone));
  const told = lines.flatMap((line) => explainedText(line, currency));
  const sentence = [`${month}, ${currency}:`, ...told].join('\n');
  return accept({ sentence, facts: { currency, zone, month, lines } });
}

/** A tariff in plain words; with a load its bill of a month; with a component down to intervals. */
export function explainTariff(file: string, options: ExplainOptions): Answer {
  const opened = openTariff({ tariff: file });
  if (!opened.ok) return opened;
  if (options.load !== undefined) return explainBill(opened.value, options.load, options);
  if (options.component !== undefined || options.month !== undefined) {
    throw new Misused('--component and --month are of a bill; give --load FILE too');
  }
  const description = opened.value.documents.flatMap((document) => [...describeTariff(document)]);
  return accept({ sentence: description.join('\n'), facts: { description } });
}
