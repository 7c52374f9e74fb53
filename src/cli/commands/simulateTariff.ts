import { z } from 'zod';
import { add, zero } from '../../domain/exact.ts';
import type { Fraction } from '../../domain/exact.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { rateLoad } from '../../domain/rating/rateLoad.ts';
import type { Answer } from '../answer.ts';
import { columns } from '../billTable.ts';
import { agreedOf, readCircumstances, readRateInput } from '../circumstances.ts';
import type { CircumstanceOptions, Circumstances } from '../circumstances.ts';
import { readJson } from '../inputFile.ts';
import { labReport } from '../labReport.ts';
import type { LabBill, LabReport } from '../labReport.ts';
import { findLoadFiles } from '../loadFiles.ts';
import type { LoadFile } from '../loadFiles.ts';
import { firstDocument, openTariff } from '../tariffFile.ts';
import type { OpenedTariff } from '../tariffFile.ts';

export type SimulateOptions = CircumstanceOptions & {
  readonly tariff: string;
  readonly against: string;
  readonly loads: readonly string[];
  readonly customers?: string | undefined;
};

type Side = { readonly opened: OpenedTariff; readonly circumstances: Circumstances };
type Sides = { readonly before: Side; readonly after: Side };
type Refused = { readonly name: string; readonly code: string; readonly message: string };

const progressMs = 1_000;

function openSide(file: string, options: CircumstanceOptions): Outcome<Side, string> {
  const opened = openTariff({ tariff: file });
  if (!opened.ok) return { ...opened, message: `${file}: ${opened.message}` };
  const circumstances = readCircumstances(opened.value, options);
  if (!circumstances.ok) return circumstances;
  return accept({ opened: opened.value, circumstances: circumstances.value });
}

function openSides(options: SimulateOptions): Outcome<Sides, string> {
  const before = openSide(options.against, options);
  if (!before.ok) return before;
  const after = openSide(options.tariff, options);
  if (!after.ok) return after;
  const [had, has] = [before.value, after.value].map(
    ({ opened }) => firstDocument(opened).currency,
  );
  if (had === has) return accept({ before: before.value, after: after.value });
  const message = `${options.against} is in ${had}, ${options.tariff} in ${has}`;
  return refuse('CURRENCY_MISMATCH', `${message}; compare tariffs of one currency.`);
}

/** Attributes by the name of a load file; a name that is no file's is a mistake. */
function readCustomers(
  file: string | undefined,
  loads: readonly LoadFile[],
): Outcome<ReadonlyMap<string, unknown>, string> {
  if (file === undefined) return accept(new Map());
  const json = readJson(file);
  if (!json.ok) return json;
  const parsed = z.record(z.string(), z.unknown()).safeParse(json.value);
  if (!parsed.success) {
    return refuse('CUSTOMERS_MALFORMED', `${file}: write {"load name": {attributes}, ...}.`);
  }
  const customers = new Map(Object.entries(parsed.data));
  const stranger = [...customers.keys()].find((name) => loads.every((load) => load.name !== name));
  if (stranger === undefined) return accept(customers);
  const message = `${file}: "${stranger}" is no load file of this simulation. Correct the name.`;
  return refuse('CUSTOMERS_MALFORMED', message);
}

function totalOf(
  side: Side,
  load: LoadFile,
  customer: { readonly attributes: unknown; readonly options: SimulateOptions },
): Outcome<{ readonly total: Fraction; readonly customerClass: string | null }, string> {
  const { attributes, options } = customer;
  const agreed = attributes === undefined ? null : agreedOf(attributes, load.name);
  if (agreed !== null && !agreed.ok) return agreed;
  const circumstances = { ...side.circumstances, ...agreed?.value };
  const input = readRateInput(circumstances, load.file, options);
  if (!input.ok) return input;
  const rated = rateLoad({ ...input.value, documents: side.opened.documents });
  if (!rated.ok) return rated;
  const total = rated.value.bills.reduce<Fraction>((sum, bill) => add(sum, bill.total), zero);
  return accept({ total, customerClass: circumstances.attributes.customerClass });
}

function compareLoad(
  sides: Sides,
  load: LoadFile,
  customer: { readonly attributes: unknown; readonly options: SimulateOptions },
): Outcome<LabBill, string> {
  const before = totalOf(sides.before, load, customer);
  if (!before.ok) return { ...before, message: `Before: ${before.message}` };
  const after = totalOf(sides.after, load, customer);
  if (!after.ok) return { ...after, message: `After: ${after.message}` };
  const { customerClass } = before.value;
  const totals = { before: before.value.total, after: after.value.total };
  return accept({ name: load.name, customerClass, ...totals });
}

function tell(report: LabReport, refused: readonly Refused[], currency: string): string {
  const classes = report.classes.map((each) => [
    each.customerClass ?? '(no class)',
    `${each.bills} bills`,
    each.before,
    each.after,
    each.change,
    `${each.winners} fall, ${each.losers} rise, ${each.unchanged} stay`,
  ]);
  const changed = report.mostChanged.map(({ name, before, after, change }) => [
    name,
    before,
    after,
    change,
  ]);
  return [
    `${report.bills} bills: ${report.before} becomes ${report.after} ${currency} ` +
      `(${report.change})`,
    ...columns(classes, (column) => column > 1 && column < 5).map((line) => `  ${line}`),
    ...(changed.length === 0 ? [] : ['Most changed:']),
    ...columns(changed, (column) => column > 0).map((line) => `  ${line}`),
    ...refused.map(({ name, code, message }) => `refused ${name}: ${code}: ${message}`),
  ].join('\n');
}

/** A draft and another tariff over the same loads. What cannot be rated is told, never a zero. */
export function simulateTariff(options: SimulateOptions, isJson: boolean): Answer {
  const sides = openSides(options);
  if (!sides.ok) return sides;
  const loads = findLoadFiles(options.loads);
  if (!loads.ok) return loads;
  const customers = readCustomers(options.customers, loads.value);
  if (!customers.ok) return customers;
  const bills: LabBill[] = [];
  const refused: Refused[] = [];
  let toldMs = performance.now();
  for (const [index, load] of loads.value.entries()) {
    const customer = { attributes: customers.value.get(load.name), options };
    const bill = compareLoad(sides.value, load, customer);
    if (bill.ok) bills.push(bill.value);
    else refused.push({ name: load.name, code: bill.code, message: bill.message });
    if (isJson || performance.now() - toldMs < progressMs) continue;
    toldMs = performance.now();
    process.stderr.write(`${index + 1} of ${loads.value.length} loads\n`);
  }
  if (bills.length === 0) {
    const [first] = refused;
    const message = `None of ${refused.length} loads could be rated: ${first?.message ?? ''}`;
    return { ...refuse('SIMULATION_EMPTY', message), facts: { refused } };
  }
  const report = labReport(bills);
  const { currency } = firstDocument(sides.value.after.opened);
  const facts = { currency, ...report, refused };
  return accept({ sentence: tell(report, refused, currency), facts });
}
