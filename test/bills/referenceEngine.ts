import { Decimal } from 'decimal.js';
import type { TariffText } from '../../src/domain/tariff/shape.ts';

/**
 * The second opinion: slow, obvious, and without a line of the engine under test. It reads the
 * document as people wrote it, asks Intl for the wall clock of every slot, and adds decimals.
 */
const Money = Decimal.clone({ precision: 200, toExpNeg: -200, toExpPos: 200 });

export type ReferenceSlot = { readonly startMs: number; readonly energyWh: number | null };
export type ReferenceLine = {
  readonly component: string;
  readonly period: string;
  readonly quantityWh: string;
  readonly exact: string;
  readonly amount: string;
};
export type ReferenceBill = {
  readonly lines: readonly ReferenceLine[];
  readonly missingSlots: number;
  /** The exact sum, half-even to a micro-unit. */
  readonly runningMicros: string;
  readonly totalMicros: string;
};

type Wall = { date: string; monthDay: string; weekday: string; time: string };
type CalendarText = TariffText['calendars'][number];
type PointText = { step: string; mode: string } | undefined;

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(zone: string, instantMs: number): Wall {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
  formats.set(zone, format);
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(instantMs)) part[type] = value;
  const { year, month, day, hour, minute, weekday = '' } = part;
  return {
    date: `${year}-${month}-${day}`,
    monthDay: `${month}-${day}`,
    weekday: weekday.toLowerCase(),
    time: `${hour}:${minute}`,
  };
}

/** Texts of fixed width compare as the dates and times that they are. */
function within(text: string, from: string, end: string, endBelongs: boolean): boolean {
  const beforeEnd = endBelongs ? text <= end : text < end;
  return from <= end ? text >= from && beforeEnd : text >= from || beforeEnd;
}

function periodAt(calendar: CalendarText, wall: Wall): string {
  const season = (calendar.seasons ?? []).find(({ spans }) =>
    spans.some(({ from, through }) => within(wall.monthDay, from, through, true)),
  )?.name;
  const dayType = (calendar.dayTypes ?? []).find(
    ({ weekdays = [], dates = [], yearly = [] }) =>
      weekdays.some((weekday) => weekday === wall.weekday) ||
      dates.includes(wall.date) ||
      yearly.includes(wall.monthDay),
  )?.name;
  for (const { seasons = [], dayTypes = [], from, to, period } of calendar.rules) {
    if (seasons.length > 0 && !seasons.some((wanted) => wanted === season)) continue;
    if (dayTypes.length > 0 && !dayTypes.some((wanted) => wanted === dayType)) continue;
    if (within(wall.time, from, to, false)) return period;
  }
  throw new Error(`no period of ${calendar.name} at ${wall.date} ${wall.time}`);
}

function round(value: Decimal, point: PointText): Decimal {
  if (point === undefined) return value;
  const modes: Record<string, Decimal.Rounding> = {
    'half-even': Decimal.ROUND_HALF_EVEN,
    'half-up': Decimal.ROUND_HALF_UP,
    down: Decimal.ROUND_DOWN,
    up: Decimal.ROUND_UP,
  };
  const mode = modes[point.mode];
  if (mode === undefined) throw new Error(`no rounding mode ${point.mode}`);
  return value.div(point.step).toDecimalPlaces(0, mode).mul(point.step);
}

function plain(value: Decimal): string {
  return value.isZero() ? '0' : value.toFixed();
}

function micros(value: Decimal): string {
  return plain(value.mul(1_000_000).toDecimalPlaces(0, Decimal.ROUND_HALF_EVEN));
}

export function referenceBill(options: {
  readonly tariff: TariffText;
  readonly zone: string;
  readonly slots: readonly ReferenceSlot[];
}): ReferenceBill {
  const { tariff, slots } = options;
  const zone = tariff.zone ?? options.zone;
  const lines: ReferenceLine[] = [];
  let exactSum = new Money(0);
  let amountSum = new Money(0);
  for (const component of tariff.components) {
    const calendar = tariff.calendars.find(({ name }) => name === component.calendar);
    if (calendar === undefined) throw new Error(`no calendar ${component.calendar}`);
    const energyWh = new Map<string, Decimal>();
    for (const { period } of calendar.rules) energyWh.set(period, new Money(0));
    for (const slot of slots) {
      if (slot.energyWh === null) continue;
      const period = periodAt(calendar, wallClock(zone, slot.startMs));
      energyWh.set(period, new Money(energyWh.get(period) ?? 0).plus(slot.energyWh));
    }
    for (const [period, quantityWh] of energyWh) {
      const exact = quantityWh.div(1_000).mul(component.prices[period] ?? Number.NaN);
      const amount = round(exact, tariff.rounding?.line);
      exactSum = exactSum.plus(exact);
      amountSum = amountSum.plus(amount);
      lines.push({
        component: component.name,
        period,
        quantityWh: plain(quantityWh),
        exact: plain(exact),
        amount: plain(amount),
      });
    }
  }
  return {
    lines,
    missingSlots: slots.filter(({ energyWh }) => energyWh === null).length,
    runningMicros: micros(exactSum),
    totalMicros: micros(round(amountSum, tariff.rounding?.bill)),
  };
}
