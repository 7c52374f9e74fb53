import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { judgedMicros } from './auditedBill.ts';
import type { AuditedBill } from './auditedBill.ts';
import { outagesOf, seriesOf, shareAt } from './auditedSeries.ts';
import type { AuditedMeter, AuditedOutage, Told, Winner } from './auditedSeries.ts';
import { walkRegister } from './auditedWalk.ts';
import type { AuditedMark, Point, RegisterWalk } from './auditedWalk.ts';

/**
 * What every charge and balance must be, worked out from the readings that were acknowledged: slow,
 * obvious, and without a line of the series or of the rating; amounts are the second engine's. The
 * rules are those of the documents: one winner an instant, the first and last reading of a slot,
 * voids that leave nothing, registers that are marked, a line between two accepted readings
 * floored to a watt-hour at each quarter hour, the meters of a
 * service point summed up.
 */
export type AuditedAgreement = {
  readonly agreementId: number;
  readonly accountId: number;
  readonly servicePoint: string;
  readonly tariffId: number;
  readonly validFromMs: number;
  readonly validToMs: number | null;
};

export type AuditedVersion = {
  readonly versionId: number;
  readonly tariffId: number;
  readonly validFromMs: number;
  readonly tariff: TariffText;
};

export type Books = Told & {
  readonly meters: readonly AuditedMeter[];
  readonly agreements: readonly AuditedAgreement[];
  readonly versions: readonly AuditedVersion[];
  readonly accountIds: readonly number[];
  /** By agreement, up to when time alone is charged. */
  readonly accruals: ReadonlyMap<number, number>;
  /** By agreement, days in the dark that carry no standing charge. */
  readonly idle: ReadonlyMap<number, AuditedBill['idle']>;
  readonly payments: readonly { readonly accountId: number; readonly micros: bigint }[];
};

export type Audited = {
  /** agreement/first meter/period start/version -> "Wh micros"; nothing is left out. */
  readonly charges: Map<string, string>;
  /** meter/period start/code -> "Wh slots". */
  readonly unrated: Map<string, string>;
  /** account -> micros. */
  readonly balances: Map<string, string>;
};

const quarterMs = 900_000;
const voided = 4;

export function believe(
  meter: AuditedMeter,
  readings: readonly Winner[],
  marks: readonly AuditedMark[],
): RegisterWalk {
  const shown = readings.filter(({ quality }) => quality !== voided);
  return walkRegister(meter, shown, marks);
}

/** The register at an instant: read, or on the line between its neighbours. */
function registerAt(
  stretch: readonly Point[],
  atMs: number,
  outages: readonly AuditedOutage[],
): bigint {
  const after = stretch.findIndex((point) => point.atMs >= atMs);
  if (after === -1) return stretch[stretch.length - 1].wh;
  const right = stretch[after];
  if (right.atMs === atMs || after === 0) return right.wh;
  const left = stretch[after - 1];
  const { part, whole } = shareAt({ left, right }, atMs, outages);
  return left.wh + ((right.wh - left.wh) * part) / whole;
}

type Slots = Map<number, bigint>;

/**
 * What is known of quarter hours. One that was not read to its end, and in which nothing was seen
 * to flow, is missing: all but the one that the register stands in, and the end of one that was
 * read as it was taken away.
 */
function energyOf(
  { stretches, isCounting, readOutMs }: RegisterWalk,
  outages: readonly AuditedOutage[],
): Slots {
  const slots: Slots = new Map();
  for (const stretch of stretches) {
    const lastMs = stretch[stretch.length - 1].atMs;
    const isOpen = isCounting && stretch === stretches.at(-1);
    let fromMs = stretch[0].atMs;
    let fromWh = stretch[0].wh;
    for (let slot = Math.floor(fromMs / quarterMs); slot * quarterMs < lastMs; slot += 1) {
      const endMs = (slot + 1) * quarterMs;
      fromMs = Math.min(endMs, lastMs);
      const toWh = registerAt(stretch, fromMs, outages);
      const isKnown = endMs <= lastMs || isOpen || readOutMs.has(lastMs);
      if (isKnown || toWh > fromWh) slots.set(slot, (slots.get(slot) ?? 0n) + toWh - fromWh);
      fromWh = toWh;
    }
  }
  return slots;
}

/**
 * The slot of the newest reading that no further one can replace: what lies before is settled. A
 * mark behind the newest reading settles all before it, and so does the first that counts.
 */
function settledUntil(meter: AuditedMeter, series: readonly Winner[][]): number {
  const [first, second] = series.at(-1) ?? [];
  let walk = believe(meter, series.flat(), meter.marks);
  const isOpen = second !== undefined && second.quality !== voided;
  if (isOpen && (walk.lastMarkMs ?? 0) <= second.atMs) {
    const firm = [...series.slice(0, -1), [first]];
    const marks = meter.marks.filter(({ atMs }) => atMs <= first.atMs);
    const before = believe(meter, firm.flat(), marks);
    // The first that counts settles itself.
    if (before.lastMs !== null) walk = before;
  }
  const { lastMs, isOver } = walk;
  if (lastMs === null) return -1;
  return Math.floor(lastMs / quarterMs) + (isOver ? 1 : 0);
}

const months = new Map<string, Intl.DateTimeFormat>();

function monthOf(zone: string, atMs: number): string {
  const format =
    months.get(zone) ??
    new Intl.DateTimeFormat('en-GB', { timeZone: zone, year: 'numeric', month: '2-digit' });
  months.set(zone, format);
  return format.format(atMs);
}

const periods = new Map<string, { startMs: number; endMs: number }>();

/** The local calendar month, by asking the wall clock of quarter hours until the month changes. */
function monthAround(zone: string, atMs: number): { startMs: number; endMs: number } {
  const month = monthOf(zone, atMs);
  const known = periods.get(`${zone} ${month}`);
  if (known !== undefined) return known;
  const hoursMs = 3_600_000;
  const edge = (stepMs: number): number => {
    let at = Math.floor(atMs / quarterMs) * quarterMs;
    while (monthOf(zone, at + stepMs * hoursMs) === month) at += stepMs * hoursMs;
    while (monthOf(zone, at + stepMs * quarterMs) === month) at += stepMs * quarterMs;
    return at;
  };
  const period = { startMs: edge(-1), endMs: edge(1) + quarterMs };
  periods.set(`${zone} ${month}`, period);
  return period;
}

function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}

type PointEnergy = {
  readonly slots: Slots;
  /** Of the first value that counts; null: none does. */
  readonly firstMs: number | null;
  readonly untilSlot: number;
};

/** A meter's slots; those without agreement or tariff are its unrated energy. */
function auditMeter(books: Books, meter: AuditedMeter, audited: Audited): PointEnergy {
  const series = seriesOf(meter, books);
  const untilSlot = settledUntil(meter, series);
  const walk = believe(meter, series.flat(), meter.marks);
  const slots = energyOf(walk, outagesOf(meter, books));
  const unratedWh = new Map<string, bigint>();
  const unratedSlots = new Map<string, bigint>();
  for (const [slot, energyWh] of slots) {
    const found = pricedBy(books, meter, slot * quarterMs);
    if (found.version !== undefined || slot >= untilSlot) continue;
    const code = found.agreement === undefined ? 'AGREEMENT_NOT_FOUND' : 'TARIFF_NOT_FOUND';
    const period = monthAround(meter.zone, slot * quarterMs);
    add(unratedWh, `${meter.meterId}/${period.startMs}/${code}`, energyWh);
    add(unratedSlots, `${meter.meterId}/${period.startMs}/${code}`, 1n);
  }
  for (const [id, energyWh] of unratedWh) {
    audited.unrated.set(id, `${energyWh} ${unratedSlots.get(id)}`);
  }
  return { slots, firstMs: walk.stretches[0]?.[0]?.atMs ?? null, untilSlot };
}

function pricedBy(books: Books, meter: AuditedMeter, atMs: number) {
  const agreement = books.agreements.find(
    ({ servicePoint, validFromMs, validToMs }) =>
      servicePoint === meter.servicePoint && validFromMs <= atMs && atMs < (validToMs ?? Infinity),
  );
  const versions = books.versions
    .filter(({ tariffId }) => tariffId === agreement?.tariffId)
    .toSorted((a, b) => a.validFromMs - b.validFromMs);
  const version = versions.findLast(({ validFromMs }) => validFromMs <= atMs);
  const next = versions.find(({ validFromMs }) => validFromMs > atMs)?.validFromMs;
  return { agreement, version, versions, endMs: next ?? Infinity };
}

const closeMs = 3 * 24 * 3_600_000;

/** A bill is closed by what was read beyond it, or by days of silence; open it runs with time. */
function openUntil(bill: {
  readonly fromMs: number;
  readonly toMs: number;
  readonly settledMs: number;
  readonly accruedMs: number;
}): number | null {
  const { fromMs, toMs, settledMs, accruedMs } = bill;
  if (settledMs >= toMs || accruedMs >= toMs + closeMs) return null;
  return Math.min(toMs, Math.max(fromMs, settledMs, accruedMs));
}

/** The bills of a service point, one after the other from the month of its first reading on. */
function auditPoint(
  books: Books,
  meters: readonly AuditedMeter[],
  audited: Audited,
  owed: Map<string, bigint>,
): void {
  const energies = meters.map((meter) => auditMeter(books, meter, audited));
  const slots: Slots = new Map();
  for (const energy of energies) {
    for (const [slot, wh] of energy.slots) slots.set(slot, (slots.get(slot) ?? 0n) + wh);
  }
  const firstMs = Math.min(...energies.map((energy) => energy.firstMs ?? Infinity));
  if (firstMs === Infinity) return;
  const [meter] = meters;
  const settledMs = Math.max(...energies.map(({ untilSlot }) => untilSlot)) * quarterMs;
  const accruedMs = books.agreements
    .filter(({ servicePoint }) => servicePoint === meter.servicePoint)
    .map(({ agreementId }) => books.accruals.get(agreementId) ?? 0);
  // A register that was taken away is known to have stood there until then.
  const knownMs = Math.max((Math.max(...slots.keys()) + 1) * quarterMs, settledMs);
  const endMs = Math.max(knownMs, ...accruedMs);
  let atMs = monthAround(meter.zone, Math.floor(firstMs / quarterMs) * quarterMs).startMs;
  while (atMs < endMs) {
    const period = monthAround(meter.zone, atMs);
    const { agreement, version, versions, endMs: nextMs } = pricedBy(books, meter, atMs);
    const starts = books.agreements
      .filter(({ servicePoint }) => servicePoint === meter.servicePoint)
      .flatMap(({ validFromMs, validToMs }) => [validFromMs, validToMs ?? Infinity]);
    const others = starts.filter((startMs) => startMs > atMs);
    const toMs = Math.min(period.endMs, nextMs, ...others);
    const ownAccruedMs = books.accruals.get(agreement?.agreementId ?? 0) ?? 0;
    // Silence is charged by each agreement's own clock, which tells when its bill begins.
    const hasBegun = Math.max(knownMs, ownAccruedMs) > atMs;
    if (agreement !== undefined && version !== undefined && hasBegun) {
      const bill: AuditedBill = {
        versions,
        zone: meter.zone,
        slots,
        firstMs,
        chainFromMs: agreement.validFromMs,
        fromMs: atMs,
        toMs,
        openUntilMs: openUntil({ fromMs: atMs, toMs, settledMs, accruedMs: ownAccruedMs }),
        idle: books.idle.get(agreement.agreementId) ?? [],
      };
      const { energyWh, micros } = judgedMicros(bill);
      const { agreementId, accountId } = agreement;
      const id = `${agreementId}/${meter.meterId}/${period.startMs}/${version.versionId}`;
      if (energyWh !== 0n || micros !== 0n) audited.charges.set(id, `${energyWh} ${micros}`);
      add(owed, String(accountId), micros);
    }
    atMs = toMs;
  }
}

export function audit(books: Books): Audited {
  const audited: Audited = { charges: new Map(), unrated: new Map(), balances: new Map() };
  const owed = new Map<string, bigint>();
  const points = Map.groupBy(books.meters, ({ servicePoint }) => servicePoint);
  for (const meters of points.values()) {
    const ordered = meters.toSorted((a, b) => a.meterId - b.meterId);
    auditPoint(books, ordered, audited, owed);
  }
  const paid = new Map<string, bigint>();
  for (const { accountId, micros } of books.payments) add(paid, String(accountId), micros);
  for (const accountId of books.accountIds.map(String)) {
    const micros = (paid.get(accountId) ?? 0n) - (owed.get(accountId) ?? 0n);
    audited.balances.set(accountId, micros.toString());
  }
  return audited;
}
