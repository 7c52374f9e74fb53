import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { refuseAt } from './imported.ts';
import type { Remarks } from './imported.ts';
import { isZeroText, plainDecimal } from './plainDecimal.ts';
import { pricesText } from './urdbEnergy.ts';
import { fineEnough, openStructure, parsePeriods } from './urdbRates.ts';
import type { ComponentText, Tier } from './urdbRates.ts';
import { readRatchets, remarkRatchets } from './urdbRatchet.ts';
import { refuseField } from './urdbRecord.ts';
import type { UrdbField, UrdbRecord, UrdbRefusal } from './urdbRecord.ts';
import { calendarOf, parseMonthPeriods, parseSchedule } from './urdbSchedule.ts';
import type { CalendarText, Schedule } from './urdbSchedule.ts';

export type DemandText = Extract<ComponentText, { kind: 'demand' }>;
type WindowMinutes = DemandText['windowMinutes'];

export type DemandRates = {
  readonly components: readonly DemandText[];
  readonly calendars: readonly CalendarText[];
};

function isNothing(periods: ReadonlyMap<number, readonly Tier[]>): boolean {
  return [...periods.values()].every((tiers) => tiers.every(({ price }) => isZeroText(price)));
}

function windowOf(record: UrdbRecord): Outcome<WindowMinutes, UrdbRefusal> {
  const field = record.get('demandwindow');
  if (field === undefined) return accept(15);
  switch (Number(field.value)) {
    case 5:
      return accept(5);
    case 10:
      return accept(10);
    case 15:
      return accept(15);
    case 30:
      return accept(30);
    case 60:
      return accept(60);
    default:
      return refuseField([field.key], 'demand windows are of 5, 10, 15, 30 or 60 minutes.');
  }
}

/** Of the charge, else of the whole rate, else kW; tiers may say it too. */
function unitOf(
  record: UrdbRecord,
  name: string,
  periods: ReadonlyMap<number, readonly Tier[]>,
): Outcome<'kW' | 'kVA', UrdbRefusal> {
  const field = record.get(name) ?? record.get('demandunits') ?? { key: name, value: 'kW' };
  const ofTiers = [...periods.values()].flat().map(({ unit }) => unit ?? '');
  const texts = [String(field.value).toLowerCase().replaceAll(/\s/g, ''), ...ofTiers];
  const units = new Set(texts.filter((text) => text !== ''));
  if (units.size <= 1 && (units.has('kw') || units.size === 0)) return accept('kW');
  if (units.size === 1 && units.has('kva')) return accept('kVA');
  const message =
    `demand in ${[...units].join(' and ')} is not billed: a price per hp has no exact value per ` +
    'kW and a daily one no place in a monthly peak. Write the rate per kW or kVA and month.';
  return refuseAt('URDB_UNIT_UNSUPPORTED', [field.key], message);
}

type Charge = {
  readonly name: string;
  readonly unitName: string;
  readonly structureName: string;
  scheduleOf(structure: { key: string; periods: number }): Outcome<Schedule, UrdbRefusal>;
};

function chargeOf(
  record: UrdbRecord,
  charge: Charge,
  context: { readonly remarks: Remarks; readonly windowMinutes: WindowMinutes },
): Outcome<{ component: DemandText; calendar: CalendarText | null } | null, UrdbRefusal> {
  const field = record.get(charge.structureName);
  if (field === undefined) return accept(null);
  const structure = openStructure(field);
  if (!structure.ok) return structure;
  const { key, periods: all } = structure.value;
  const schedule = charge.scheduleOf({ key, periods: all.length });
  if (!schedule.ok) return schedule;
  const periods = parsePeriods(structure.value, schedule.value.used, context.remarks);
  if (!periods.ok) return periods;
  if (isNothing(periods.value)) return accept(null);
  const unit = unitOf(record, charge.unitName, periods.value);
  if (!unit.ok) return unit;
  const calendar = calendarOf(charge.name, schedule.value);
  return accept({
    calendar,
    component: {
      kind: 'demand',
      name: charge.name,
      unit: unit.value,
      windowMinutes: context.windowMinutes,
      measure: 'max',
      ...pricesText(periods.value, calendar),
    },
  });
}

function monthly(record: UrdbRecord, name: string): Charge['scheduleOf'] {
  return (structure) => {
    const months: UrdbField | undefined = record.get(name);
    if (months !== undefined) return parseMonthPeriods(months, structure);
    const message = `${structure.key} is of no use without the period of each month; add it.`;
    return refuseAt('URDB_SCHEDULE_MISSING', [name], message);
  };
}

function chargesOf(record: UrdbRecord): readonly Charge[] {
  const flat: Charge = {
    name: 'flat demand',
    unitName: 'flatdemandunit',
    structureName: 'flatdemandstructure',
    scheduleOf: monthly(record, 'flatdemandmonths'),
  };
  // LBNL's files: a second flat charge of the same structure in some months.
  const extra: Charge = {
    ...flat,
    name: 'extra flat demand',
    scheduleOf: monthly(record, 'extraflatdemandmonths'),
  };
  const byTime: Charge = {
    name: 'demand',
    unitName: 'demandrateunit',
    structureName: 'demandratestructure',
    scheduleOf: (structure) =>
      parseSchedule(
        record,
        { weekday: 'demandweekdayschedule', weekend: 'demandweekendschedule' },
        structure,
      ),
  };
  return record.has('extraflatdemandmonths') ? [flat, extra, byTime] : [flat, byTime];
}

/** Highest kvar of the month; the file gives one price and no quadrant. */
function readReactive(
  record: UrdbRecord,
  context: { readonly remarks: Remarks; readonly windowMinutes: WindowMinutes },
): Outcome<DemandText | null, UrdbRefusal> {
  const field = record.get('demandreactivepowercharge');
  if (field === undefined) return accept(null);
  const text = plainDecimal(field.value);
  if (text === null) return refuseField([field.key], 'it is not a number; correct it.');
  const price = fineEnough(text, [field.key]);
  if (!price.ok) return price;
  if (isZeroText(text)) return accept(null);
  const message =
    'the price per kvar is read as one of the highest kvar of the month; a meter without ' +
    'reactive registers is billed without it.';
  context.remarks.add('URDB_REACTIVE_READ', [field.key], message);
  return accept({
    kind: 'demand',
    name: 'reactive demand',
    unit: 'kvar',
    windowMinutes: context.windowMinutes,
    measure: 'max',
    price: text,
    unmetered: 'leaveOut',
  });
}

function remarkLeftOut(record: UrdbRecord, remarks: Remarks): void {
  const coincident = ['coincidentratestructure', 'coincidentrateschedule', 'coincidentschedule'];
  const field = coincident.map((name) => record.get(name)).find((found) => found !== undefined);
  if (field !== undefined) {
    const message =
      'the hours of the system peaks are not in the file, so the coincident charge is left out; ' +
      'add a demand component with `coincident` windows when they are known.';
    remarks.add('URDB_COINCIDENT_LEFT_OUT', [field.key], message);
  }
  for (const name of ['demandweekdayschedule', 'demandweekendschedule', 'flatdemandmonths']) {
    const structure = name === 'flatdemandmonths' ? 'flatdemandstructure' : 'demandratestructure';
    const schedule = record.get(name);
    if (schedule === undefined || record.has(structure)) continue;
    const message = `the schedule has no ${structure} and prices nothing.`;
    remarks.add('URDB_SCHEDULE_UNUSED', [schedule.key], message);
  }
}

/** Demand charges by the hour and by the month, with ratchets, and reactive demand. */
export function readDemandRates(
  record: UrdbRecord,
  remarks: Remarks,
): Outcome<DemandRates, UrdbRefusal> {
  remarkLeftOut(record, remarks);
  const priced = ['flatdemandstructure', 'demandratestructure', 'demandreactivepowercharge'];
  if (!priced.some((name) => record.has(name))) return accept({ components: [], calendars: [] });
  const window = windowOf(record);
  if (!window.ok) return window;
  const context = { remarks, windowMinutes: window.value };
  const components: DemandText[] = [];
  const calendars: CalendarText[] = [];
  for (const charge of chargesOf(record)) {
    const read = chargeOf(record, charge, context);
    if (!read.ok) return read;
    if (read.value === null) continue;
    components.push(read.value.component);
    if (read.value.calendar !== null) calendars.push(read.value.calendar);
  }
  const ratchets = readRatchets(record, remarks);
  if (!ratchets.ok) return ratchets;
  const [first] = components;
  if (ratchets.value.ratchets.length > 0 && first !== undefined) {
    components[0] = { ...first, ratchets: ratchets.value.ratchets };
    remarkRatchets(ratchets.value, first.name, remarks);
  }
  const reactive = readReactive(record, context);
  if (!reactive.ok) return reactive;
  if (reactive.value !== null) components.push(reactive.value);
  if (components.length > 0 && !record.has('demandwindow')) {
    const message = 'the length of demand windows is not given; 15 minutes are taken.';
    remarks.add('URDB_WINDOW_ASSUMED', ['demandwindow'], message);
  }
  return accept({ components, calendars });
}
