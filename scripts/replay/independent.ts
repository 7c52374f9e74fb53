import { Decimal } from 'decimal.js';
import type { TariffText } from '../../src/domain/tariff/shape.ts';

/**
 * The second opinion on a replay, from the text of the file: slow and obvious, with decimals and
 * the wall clock of Intl, and without a line of the code that it checks. Only the tariff's type is
 * shared. Malformed files are not its business: the road refuses them before.
 */
const Exact = Decimal.clone({ precision: 100, toExpNeg: -100, toExpPos: 100 });

export type IndependentMonth = {
  /** Whole Wh by `component/period`. */
  readonly energyWh: ReadonlyMap<string, string>;
  readonly amountMicros: string;
};
export type IndependentAccount = {
  readonly meter: string;
  readonly months: ReadonlyMap<string, IndependentMonth>;
  readonly owedMicros: string;
};

export type IndependentRequest = {
  readonly csv: string;
  readonly stamps: 'start' | 'end';
  readonly zone: string;
  readonly months: readonly string[] | null;
  readonly registers: 'int64' | 'float32' | 'tenth';
  readonly tariff: TariffText;
  /** In Wh, by the place of the meter's column. */
  readonly startRegister: (column: number) => string;
};

type Wall = { month: string; date: string; monthDay: string; weekday: string; time: string };

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
    month: `${year}-${month}`,
    date: `${year}-${month}-${day}`,
    monthDay: `${month}-${day}`,
    weekday: weekday.toLowerCase(),
    time: `${hour}:${minute}`,
  };
}

/** Texts of one width compare as the dates and times that they are. */
function lies(text: string, span: { from: string; to: string; lastBelongs: boolean }): boolean {
  const isAfter = text >= span.from;
  const isBefore = span.lastBelongs ? text <= span.to : text < span.to;
  return span.from <= span.to ? isAfter && isBefore : isAfter || isBefore;
}

type CalendarText = NonNullable<TariffText['calendars']>[number];
type ComponentText = TariffText['components'][number];

function periodAt(calendar: CalendarText, wall: Wall): string {
  const season = calendar.seasons?.find(({ spans }) =>
    spans.some(({ from, through }) =>
      lies(wall.monthDay, { from, to: through, lastBelongs: true }),
    ),
  )?.name;
  const dayType = calendar.dayTypes?.find(
    ({ weekdays = [], dates = [], yearly = [] }) =>
      weekdays.some((weekday) => weekday === wall.weekday) ||
      dates.includes(wall.date) ||
      yearly.includes(wall.monthDay),
  )?.name;
  const rule = calendar.rules.find(
    ({ seasons = [], dayTypes = [], from, to }) =>
      (seasons.length === 0 || (season !== undefined && seasons.includes(season))) &&
      (dayTypes.length === 0 || (dayType !== undefined && dayTypes.includes(dayType))) &&
      lies(wall.time, { from, to, lastBelongs: false }),
  );
  if (rule === undefined) throw new Error(`no period of ${calendar.name} at ${wall.date}`);
  return rule.period;
}

type Quarter = { readonly instantMs: number; readonly wh: Decimal };

/** What the meter shows of a register that stands at so many Wh. */
function shown(exactWh: Decimal, registers: IndependentRequest['registers']): Decimal {
  if (registers === 'tenth') return exactWh.div(100).floor().mul(100);
  if (registers === 'int64') return exactWh;
  // The meter holds kWh as a binary32; whoever reads it rounds once to whole Wh.
  const binary32 = Math.fround(exactWh.toNumber() / 1000);
  return new Exact(binary32).mul(1000).toDecimalPlaces(0, Decimal.ROUND_HALF_UP);
}

/** Between the readings of two hours the register rises evenly, rounded down to whole Wh. */
function quartersOf(startMs: number, energyWh: Decimal): readonly Quarter[] {
  return [0, 1, 2, 3].map((quarter) => {
    const before = energyWh.mul(quarter).div(4).floor();
    const after = energyWh
      .mul(quarter + 1)
      .div(4)
      .floor();
    return { instantMs: startMs + quarter * 900_000, wh: after.minus(before) };
  });
}

function round(value: Decimal, point: { step: string; mode: string } | undefined): Decimal {
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

/** Energy by time of use is all that this calculation knows; the rest is refused before it. */
function timeOfUse(component: ComponentText, calendars: readonly CalendarText[]) {
  const { kind, name } = component;
  const calendar =
    kind === 'energy' ? calendars.find((each) => each.name === component.calendar) : undefined;
  if (kind !== 'energy' || calendar === undefined) {
    throw new Error(`${name} is not energy by time of use`);
  }
  const prices = new Map(Object.entries(component.prices ?? {}));
  const priceOf = (period: string): string => {
    const price = prices.get(period);
    if (typeof price !== 'string') throw new Error(`${name} has no plain price of ${period}`);
    return price;
  };
  return { name, calendar, priceOf };
}

function billMonth(tariff: TariffText, zone: string, quarters: readonly Quarter[]) {
  const energyWh = new Map<string, string>();
  let total: Decimal = new Exact(0);
  for (const component of tariff.components) {
    const { name, calendar, priceOf } = timeOfUse(component, tariff.calendars ?? []);
    const sums = new Map<string, Decimal>();
    for (const { instantMs, wh } of quarters) {
      const period = periodAt(calendar, wallClock(tariff.zone ?? zone, instantMs));
      sums.set(period, wh.plus(sums.get(period) ?? 0));
    }
    for (const [period, wh] of sums) {
      energyWh.set(`${name}/${period}`, wh.toFixed());
      const exact = wh.div(1000).mul(priceOf(period));
      total = total.plus(round(exact, tariff.rounding?.line));
    }
  }
  const billed = round(total, tariff.rounding?.bill);
  const micros = billed.mul(1_000_000).toDecimalPlaces(0, Decimal.ROUND_HALF_EVEN);
  return { energyWh, amountMicros: micros.isZero() ? '0' : micros.toFixed() };
}

/** The quarter hours of one column by local month. */
function columnMonths(
  request: IndependentRequest,
  rows: readonly (readonly string[])[],
  column: number,
): Map<string, Quarter[]> {
  const months = new Map<string, Quarter[]>();
  let register: Decimal = new Exact(request.startRegister(column));
  for (const [stamp = '', ...cells] of rows) {
    const cell = (cells[column] ?? '').trim();
    if (cell === '') continue;
    const stampMs = Date.parse(stamp.trim().replace(' ', 'T'));
    const startMs = request.stamps === 'end' ? stampMs - 3_600_000 : stampMs;
    const wanted = request.months;
    if (wanted !== null && !wanted.includes(wallClock(request.zone, startMs).month)) continue;
    const before = shown(register, request.registers);
    register = register.plus(new Exact(cell).toDecimalPlaces(0, Decimal.ROUND_HALF_UP));
    const energyWh = shown(register, request.registers).minus(before);
    for (const quarter of quartersOf(startMs, energyWh)) {
      const { month } = wallClock(request.zone, quarter.instantMs);
      const quarters = months.get(month) ?? [];
      quarters.push(quarter);
      months.set(month, quarters);
    }
  }
  return months;
}

export function calculateIndependently(request: IndependentRequest): readonly IndependentAccount[] {
  const [header = [], ...rows] = request.csv
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.split(','));
  return header.slice(1).map((meter, column): IndependentAccount => {
    const months = new Map<string, IndependentMonth>();
    let owed = new Exact(0);
    for (const [month, quarters] of columnMonths(request, rows, column)) {
      const billed = billMonth(request.tariff, request.zone, quarters);
      months.set(month, billed);
      owed = owed.plus(billed.amountMicros);
    }
    return { meter: meter.trim(), months, owedMicros: owed.toFixed() };
  });
}
