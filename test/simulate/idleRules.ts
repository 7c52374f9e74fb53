import { wallText } from './auditedBill.ts';
import type { Breach } from './invariants.ts';
import type { Office } from './office.ts';
import type { Simulation } from './simulation.ts';
import type { SupplyLine } from './supplyLine.ts';
import type { SupplyJournal } from './supplyRules.ts';
import type { Tenancy } from './tenancies.ts';

type Span = { readonly fromMs: number; readonly toMs: number };

const quarterMs = 900_000;

/** Local days that lie wholly in a span, by asking the wall clock of quarter hours. */
function localDays(zone: string, { fromMs, toMs }: Span): Span[] {
  const days: Span[] = [];
  let beginMs: number | null = null;
  const dateAt = (atMs: number): string => wallText(zone, atMs).slice(0, 10);
  const firstMs = Math.ceil(fromMs / quarterMs) * quarterMs;
  for (let atMs = firstMs; atMs <= toMs; atMs += quarterMs) {
    if (dateAt(atMs - quarterMs) === dateAt(atMs)) continue;
    if (beginMs !== null) days.push({ fromMs: beginMs, toMs: atMs });
    beginMs = atMs;
  }
  return days;
}

export async function readIdleDays(
  simulation: Simulation,
): Promise<ReadonlyMap<number, readonly Span[]>> {
  const rows = await simulation.admin<{ agreementId: number; fromAt: Date; toAt: Date }[]>`
    select agreement_id as "agreementId", starts_at as "fromAt", ends_at as "toAt" from idle_day
    order by 1, 2`;
  const days = rows.map(({ agreementId, fromAt, toAt }) => {
    return { agreementId, fromMs: fromAt.getTime(), toMs: toAt.getTime() };
  });
  return Map.groupBy(days, ({ agreementId }) => agreementId);
}

/** Which days carry no standing charge, by verified commands and by who lives there. */
export class IdleRules {
  readonly #simulation: Simulation;
  readonly #office: Office;
  readonly #journal: SupplyJournal;

  constructor(simulation: Simulation, given: { office: Office; journal: SupplyJournal }) {
    this.#simulation = simulation;
    this.#office = given.office;
    this.#journal = given.journal;
  }

  /** By contactor: whatever meter hung behind it when a command was verified. */
  async #off(): Promise<ReadonlyMap<SupplyLine, Span[]>> {
    const { admin, meters } = this.#simulation;
    const lines = new Map(meters.map((meter) => [this.#simulation.idOf(meter), meter.line]));
    const rows = await admin<{ meterId: number; isCut: boolean; at: Date }[]>`
      select c.meter_id as "meterId", c.kind = 'disconnect' as "isCut", s.at
      from command c join command_step s on s.command_id = c.id and s.state = 'verified'
      order by s.at, c.id`;
    const off = new Map<SupplyLine, Span[]>();
    const cutMs = new Map<SupplyLine, number>();
    for (const { meterId, isCut, at } of rows) {
      const line = lines.get(meterId);
      if (line === null || line === undefined) throw new Error(`${meterId} has no contactor`);
      const sinceMs = cutMs.get(line);
      if (isCut) cutMs.set(line, sinceMs ?? at.getTime());
      else if (sinceMs !== undefined) {
        off.set(line, [...(off.get(line) ?? []), { fromMs: sinceMs, toMs: at.getTime() }]);
        cutMs.delete(line);
      }
    }
    for (const [line, fromMs] of cutMs) {
      off.set(line, [...(off.get(line) ?? []), { fromMs, toMs: Infinity }]);
    }
    return off;
  }

  /** Null: people said of the place's registers what moves its meters about. */
  #linesOf(servicePoint: string): { lines: SupplyLine[]; isSwitched: boolean } | null {
    const simulation = this.#simulation;
    const meters = simulation.meters.filter(
      (each) => each.servicePoint === servicePoint && simulation.isRegistered(each),
    );
    if (meters.some((each) => this.#office.isMarkedByPeople(simulation.idOf(each)))) return null;
    const lines = [...new Set(meters.flatMap(({ line }) => line ?? []))];
    return { lines, isSwitched: meters.every(({ line }) => line !== null) };
  }

  /** When the sweep has looked at an instant, and everything since. */
  async find(sweptMs: number): Promise<Breach | null> {
    const simulation = this.#simulation;
    const { tenancies, world, registered } = simulation;
    const off = await this.#off();
    const stored = await readIdleDays(simulation);
    for (const tenancy of tenancies) {
      const { agreementId, account, servicePoint } = tenancy;
      const of = this.#linesOf(servicePoint);
      if (of === null) continue;
      const isDark = (day: Span): boolean =>
        of.lines.length > 0 &&
        of.lines.every((line) => off.get(line)?.some((span) => covers(span, day)) === true);
      const days = stored.get(agreementId) ?? [];
      const detail = ({ fromMs }: Span): string =>
        `agreement ${agreementId}, ${new Date(fromMs).toISOString()}`;
      const lit = days.find((day) => !isDark(day) || !isPrepaid(tenancy, day));
      if (lit !== undefined) return { code: 'IDLE_DAY_WRONG', detail: detail(lit) };
      const underMs = this.#journal.underPolicyMs.get(registered.accounts.get(account) ?? 0);
      if (this.#journal.isDarkCharged || underMs === undefined || !of.isSwitched) continue;
      if (tenancy.mode !== 'prepaid') continue;
      const fromMs = Math.max(world.startMs, underMs, tenancy.validFromMs);
      const toMs = Math.min(sweptMs, tenancy.validToMs ?? Infinity);
      const zone = this.#zoneOf(servicePoint);
      const due = (off.get(of.lines[0]) ?? [])
        .map((span) => within(span, { fromMs, toMs }))
        .flatMap((span) => localDays(zone, span))
        .filter(isDark);
      const missing = due.find((day) => days.every((each) => each.fromMs !== day.fromMs));
      if (missing !== undefined) return { code: 'IDLE_DAY_MISSING', detail: detail(missing) };
    }
    return null;
  }

  #zoneOf(servicePoint: string): string {
    const { fleet } = this.#simulation;
    return fleet.servicePoints.find(({ name }) => name === servicePoint)?.timeZone ?? 'UTC';
  }
}

function within(span: Span, { fromMs, toMs }: Span): Span {
  return { fromMs: Math.max(span.fromMs, fromMs), toMs: Math.min(span.toMs, toMs) };
}

function covers(span: Span, day: Span): boolean {
  return span.fromMs <= day.fromMs && span.toMs >= day.toMs;
}

function isPrepaid({ mode, validFromMs, validToMs }: Tenancy, day: Span): boolean {
  return mode === 'prepaid' && covers({ fromMs: validFromMs, toMs: validToMs ?? Infinity }, day);
}
