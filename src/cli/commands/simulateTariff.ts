import { z } from 'zod';
import { assert } from '../../domain/assert.ts';
import { add, zero } from '../../domain/exact.ts';
import type { Fraction } from '../../domain/exact.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import type { Load } from '../../domain/rating/load.ts';
import { rateLoad } from '../../domain/rating/rateLoad.ts';
import type { Answer } from '../answer.ts';
import { columns } from '../billTable.ts';
import { agreedOf, rateInputOf, readLoad, readTerms } from '../circumstances.ts';
import type { CircumstanceOptions, Circumstances, Terms } from '../circumstances.ts';
import { customerClassWarnings, sayWarnings } from '../customerClass.ts';
import { readJson } from '../inputFile.ts';
import { labReport } from '../labReport.ts';
import type { LabBill, LabReport } from '../labReport.ts';
import { findLoadFiles } from '../loadFiles.ts';
import type { LoadFile } from '../loadFiles.ts';
import { firstDocument, openTariff, zoneOf } from '../tariffFile.ts';
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

function openFile(file: string): Outcome<OpenedTariff, string> {
  const opened = openTariff({ tariff: file });
  return opened.ok ? opened : { ...opened, message: `${file}: ${opened.message}` };
}

function sideOf(
  opened: OpenedTariff,
  terms: Terms,
  zone: string | undefined,
): Outcome<Side, string> {
  const known = zoneOf(opened, zone);
  if (!known.ok) return known;
  return accept({ opened, circumstances: { ...terms, zone: known.value } });
}

function openSides(options: SimulateOptions): Outcome<Sides, string> {
  const against = openFile(options.against);
  if (!against.ok) return against;
  const draft = openFile(options.tariff);
  if (!draft.ok) return draft;
  const [had, has] = [against.value, draft.value].map((opened) => firstDocument(opened).currency);
  if (had !== has) {
    const message = `${options.against} is in ${had}, ${options.tariff} in ${has}`;
    return refuse('CURRENCY_MISMATCH', `${message}; compare tariffs of one currency.`);
  }
  const terms = readTerms([...against.value.documents, ...draft.value.documents], options);
  if (!terms.ok) return terms;
  const before = sideOf(against.value, terms.value, options.zone);
  if (!before.ok) return before;
  const after = sideOf(draft.value, terms.value, options.zone);
  return after.ok ? accept({ before: before.value, after: after.value }) : after;
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
  const stranger = Object.keys(parsed.data).find((name) =>
    loads.every((load) => load.name !== name),
  );
  if (stranger === undefined) return accept(new Map(Object.entries(parsed.data)));
  const message = `${file}: "${stranger}" is no load file of this simulation. Correct the name.`;
  return refuse('CUSTOMERS_MALFORMED', message);
}

function totalOf(
  { opened, circumstances }: Side,
  load: Load,
  options: SimulateOptions,
): Outcome<Fraction, string> {
  const input = rateInputOf(circumstances, load, options);
  if (!input.ok) return input;
  const rated = rateLoad({ ...input.value, documents: opened.documents });
  if (!rated.ok) return rated;
  return accept(rated.value.bills.reduce<Fraction>((sum, bill) => add(sum, bill.total), zero));
}

/** The load is read once for both: it may be a pipe. */
function compareLoad(
  { before, after }: Sides,
  { name, file }: LoadFile,
  customer: { readonly attributes: unknown; readonly options: SimulateOptions },
): Outcome<LabBill, string> {
  const { attributes, options } = customer;
  const agreed = attributes === undefined ? null : agreedOf(attributes, name);
  if (agreed !== null && !agreed.ok) return agreed;
  const load = readLoad(file, options.interval);
  if (!load.ok) return load;
  const [had, has] = [before, after].map((side) => {
    const circumstances = { ...side.circumstances, ...agreed?.value };
    return totalOf({ ...side, circumstances }, load.value, options);
  });
  assert(had !== undefined && has !== undefined, 'a total of each side');
  if (!had.ok) return { ...had, message: `Before: ${had.message}` };
  if (!has.ok) return { ...has, message: `After: ${has.message}` };
  const { customerClass } = (agreed?.value ?? before.circumstances).attributes;
  return accept({ name, customerClass, before: had.value, after: has.value });
}

/** Each class that a side does not know, once. */
function sayUnmatched({ before, after }: Sides, bills: readonly LabBill[]): void {
  const classes = [...new Set(bills.map(({ customerClass }) => customerClass))];
  const told = [before, after].flatMap(({ opened }) =>
    classes.flatMap((customerClass) => [
      ...customerClassWarnings(opened.documents, { customerClass }),
    ]),
  );
  sayWarnings([...new Map(told.map((warning) => [warning.message, warning])).values()]);
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
  sayUnmatched(sides.value, bills);
  const report = labReport(bills);
  const { currency } = firstDocument(sides.value.after.opened);
  const facts = { currency, ...report, refused };
  return accept({ sentence: tell(report, refused, currency), facts });
}
