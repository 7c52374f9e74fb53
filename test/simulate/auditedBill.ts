import { judgeLoad } from '../../src/domain/judge/judge.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { Decimal } from 'decimal.js';

/** A bill as the auditor sees it: what the second engine says, and what has run of an open one. */
export type AuditedBill = {
  /** Of the tariff, in the order of validFrom. */
  readonly versions: readonly { readonly validFromMs: number; readonly tariff: TariffText }[];
  readonly zone: string;
  /** Wh by quarter hour since 1970. */
  readonly slots: ReadonlyMap<number, bigint>;
  /** Of the first value that counts. */
  readonly firstMs: number;
  readonly chainFromMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Null: closed. */
  readonly openUntilMs: number | null;
  /** Days that carry no standing charge. */
  readonly idle: readonly { readonly fromMs: number; readonly toMs: number }[];
};

const quarterMs = 900_000;
const dayMs = 86_400_000;
const Money = Decimal.clone({ precision: 120 });

/** Making one takes longer than asking it a thousand times. */
const wallClocks = new Map<string, Intl.DateTimeFormat>();

function wallClock(zone: string): Intl.DateTimeFormat {
  const known =
    wallClocks.get(zone) ??
    new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  wallClocks.set(zone, known);
  return known;
}

/** `2026-03-29T02:00`, by the wall clock that Intl tells. */
export function wallText(zone: string, atMs: number): string {
  return wallClock(zone).format(atMs).replace(' ', 'T');
}

/** The wall clock shows it twice: a document cannot say which one is meant, so the judge cannot. */
export function isShownTwice(zone: string, atMs: number): boolean {
  const text = wallText(zone, atMs);
  return [-4, -2, 2, 4].some((n) => wallText(zone, atMs + n * quarterMs) === text);
}

/** The local wall clock as if it were UTC. */
function wallMs(zone: string, atMs: number): number {
  return Date.parse(`${wallText(zone, atMs)}Z`);
}

/** As it is while the bill runs: exact, and without what comes at the close or with time. */
function running(tariff: TariffText): TariffText {
  const components = tariff.components.filter(({ kind }) => kind !== 'minimum' && kind !== 'fixed');
  return { ...tariff, rounding: {}, components };
}

/** What standing charges have come to by now, their tax with them. */
function standing({ versions, zone, fromMs, openUntilMs, idle }: AuditedBill): Decimal {
  const tariff = versions.findLast(({ validFromMs }) => validFromMs <= fromMs)?.tariff;
  if (tariff === undefined || openUntilMs === null) return new Money(0);
  const idleMs = idle.reduce((sum, each) => {
    const beginMs = Math.max(each.fromMs, fromMs);
    const endMs = Math.min(each.toMs, openUntilMs);
    return beginMs < endMs ? sum + wallMs(zone, endMs) - wallMs(zone, beginMs) : sum;
  }, 0);
  const passedMs = wallMs(zone, openUntilMs) - wallMs(zone, fromMs);
  const days = new Money(passedMs - idleMs).div(dayMs);
  const [year = 0, month = 0] = wallText(zone, fromMs).split('-').map(Number);
  const monthDays = (Date.UTC(year, month, 1) - Date.UTC(year, month - 1, 1)) / dayMs;
  const yearDays = (Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / dayMs;
  let sum = new Money(0);
  let tax = new Money(1);
  for (const component of tariff.components) {
    if (component.kind === 'fixed' && typeof component.amount === 'string') {
      const times = {
        bill: new Money(1),
        day: days,
        month: days.div(monthDays),
        year: days.div(yearDays),
      };
      sum = sum.plus(times[component.per].times(component.amount));
    }
    if (component.kind === 'tax') tax = tax.plus(new Money(component.percent ?? 0).div(100));
  }
  return sum.times(tax);
}

type Judged = { readonly total: Decimal; readonly fromMs: number };

const judgedMax = 2_000;
const judgedBefore = new Map<string, Judged>();
const tariffNumbers = new WeakMap<TariffText, number>();
let tariffsSeen = 0;

function tariffNumber(tariff: TariffText): number {
  const known = tariffNumbers.get(tariff) ?? (tariffsSeen += 1);
  tariffNumbers.set(tariff, known);
  return known;
}

/** A bill of which nothing has changed since the last audit is not judged again. */
function judgedTotal(bill: AuditedBill, untilMs: number): Judged {
  const { versions, zone, slots, chainFromMs, fromMs, openUntilMs, idle } = bill;
  const key = JSON.stringify([
    versions.map(({ validFromMs, tariff }) => [validFromMs, tariffNumber(tariff)]),
    [zone, chainFromMs, fromMs, untilMs, openUntilMs === null],
    [...slots].flatMap(([slot, wh]) => (slot * quarterMs < untilMs ? [slot, Number(wh)] : [])),
    bill.firstMs,
    idle.map((day) => day.fromMs),
  ]);
  const known = judgedBefore.get(key) ?? judge(bill, untilMs);
  if (judgedBefore.size >= judgedMax) judgedBefore.clear();
  judgedBefore.set(key, known);
  return known;
}

/** The judge's total of the bill's month up to an instant. */
function judge(bill: AuditedBill, untilMs: number): Judged {
  const { zone, slots, versions } = bill;
  const first = Math.floor(bill.firstMs / quarterMs) * quarterMs;
  const [oldest] = versions;
  const monthMs = 32 * dayMs;
  // The month of the first reading at the earliest; what lies before it is empty.
  const beginMs = Math.max(
    bill.chainFromMs,
    oldest.validFromMs,
    Math.min(bill.fromMs, first - monthMs),
  );
  const count = (untilMs - beginMs) / quarterMs;
  const load = new Float64Array(count).fill(Number.NaN);
  for (const [slot, wh] of slots) {
    const index = slot - beginMs / quarterMs;
    if (index >= 0 && index < count) load[index] = Number(wh);
  }
  const documents = versions.map(({ validFromMs, tariff }, index) => {
    const next = versions[index + 1];
    return {
      ...(bill.openUntilMs === null ? tariff : running(tariff)),
      validFrom: wallText(tariff.zone ?? zone, validFromMs),
      ...(next === undefined ? {} : { validTo: wallText(tariff.zone ?? zone, next.validFromMs) }),
    };
  });
  const judged = judgeLoad({
    documents,
    load: {
      fromMs: beginMs,
      intervalMs: quarterMs,
      unitsPerWh: 1,
      import: load,
      export: null,
      reactive: null,
      estimated: null,
    },
    zone,
    fromMs: beginMs,
    toMs: untilMs,
    attributes: {},
    idle: bill.idle,
  });
  if (!judged.ok) throw new Error(`the judge refuses: ${judged.code} ${judged.message}`);
  const last = judged.value.bills.at(-1);
  if (last === undefined) throw new Error('the judge has no bill');
  return { total: last.total, fromMs: last.fromMs };
}

export function judgedMicros(bill: AuditedBill): { energyWh: bigint; micros: bigint } {
  let energyWh = 0n;
  for (const [slot, wh] of bill.slots) {
    const atMs = slot * quarterMs;
    if (atMs >= bill.fromMs && atMs < bill.toMs) energyWh += wh;
  }
  const whole = judgedTotal(bill, bill.toMs);
  // The judge tells a month's versions together: what came before this one is taken off.
  const before = whole.fromMs < bill.fromMs ? judgedTotal(bill, bill.fromMs).total : 0;
  const exact = whole.total.minus(before).plus(standing(bill));
  // 1/31 of a month has no end in decimals: what is a tie but for the 100th digit is a tie.
  const micros = exact
    .times(1_000_000)
    .toDecimalPlaces(60, Decimal.ROUND_HALF_EVEN)
    .toDecimalPlaces(0, Decimal.ROUND_HALF_EVEN);
  return { energyWh, micros: BigInt(micros.toFixed()) };
}
