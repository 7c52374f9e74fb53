import type { SwitchTarget } from '../../src/operations/sendCommand.ts';
import type { Breakers } from './breakers.ts';
import type { Breach, Reader } from './invariants.ts';
import type { Simulation } from './simulation.ts';
import type { WorldMeter } from './world.ts';

/** What was said to accounts and about them, as those remember it who said it. */
export type SupplyJournal = {
  /** By account: from when on it is under the policy that lets cuts come without notice. */
  readonly underPolicyMs: Map<number, number>;
  /** Hours of the wall clock in which that policy protects, wrapping at midnight; or none. */
  readonly protectedHours: { readonly fromHour: number; readonly toHour: number } | null;
  readonly dataAgeMsMax: number;
  /** Whole days in the dark carry their standing charge. */
  readonly isDarkCharged: boolean;
  readonly protections: {
    readonly id: string;
    readonly accountId: number;
    readonly fromMs: number;
    readonly toMs: number;
    endedMs: number;
  }[];
};

type Sending = {
  readonly accountId: number | null;
  readonly kind: string;
  readonly cause: string;
  readonly notAfter: Date;
  readonly open: number;
};

type Standing = {
  readonly accountId: number;
  readonly isPrepaid: boolean;
  readonly balanceMicros: bigint;
  /** At or below it nobody has power; at or above the other it is back. */
  readonly cutMicros: bigint;
  readonly backMicros: bigint;
};

function localHour(zone: string, atMs: number): number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hour: '2-digit',
    hour12: false,
  });
  return Number(format.format(atMs)) % 24;
}

/** Of all commands so far. */
export function findCommandBreaches(reader: Reader): Promise<Breach[]> {
  return reader<Breach[]>`
    select 'TWO_OPEN_COMMANDS' as code, 'meter ' || meter_id as detail from command
    where state in ('requested', 'queued', 'sent', 'acknowledged')
    group by meter_id having count(*) > 1
    union all
    select 'CUT_UNCERTIFIED', 'command ' || c.id from command c
    where c.kind = 'disconnect' and c.state = 'verified' and (
      select count(distinct stage) from command_certificate k where k.command_id = c.id) <> 2
    union all
    select 'VERIFIED_UNSENT', 'command ' || c.id from command c
    where c.state = 'verified' and not exists (
      select from command_step s where s.command_id = c.id and s.state = 'acknowledged')`;
}

/** What the rules of cuts ask for, worked out without a line of the policy's own code. */
export class SupplyRules {
  readonly #simulation: Simulation;
  readonly #journal: SupplyJournal;

  constructor(simulation: Simulation, journal: SupplyJournal) {
    this.#simulation = simulation;
    this.#journal = journal;
  }

  #meterOf(meterId: number): WorldMeter {
    const { meters, meterIds } = this.#simulation;
    const meter = meters.find(({ serial }) => meterIds.get(serial) === meterId);
    if (meter === undefined) throw new Error(`the world has no meter ${meterId}`);
    return meter;
  }

  /** Who lives behind a meter now, and what they have; null: nobody. */
  async #standing({ servicePoint }: WorldMeter, atMs: number): Promise<Standing | null> {
    const { admin, tenancies, registered } = this.#simulation;
    const agreement = tenancies.find(
      (each) =>
        each.servicePoint === servicePoint &&
        each.validFromMs <= atMs &&
        atMs < (each.validToMs ?? Infinity),
    );
    if (agreement === undefined) return null;
    const accountId = registered.accounts.get(agreement.account) ?? 0;
    const [row] = await admin<{ balance: bigint; lent: bigint }[]>`
      select balance_micros as balance, (
        select coalesce(sum(e.amount_micros), 0)::int8 from emergency_credit e
        where e.account_id = b.account_id
          and not exists (select from emergency_credit_end x where x.credit_id = e.id)) as lent
      from account_balance b where account_id = ${accountId}`;
    const lent = row?.lent ?? 0n;
    const cutMicros = agreement.balanceLimitMicros - lent;
    const backMicros = agreement.reconnectMicros - lent;
    return {
      accountId,
      isPrepaid: agreement.mode === 'prepaid',
      balanceMicros: row?.balance ?? 0n,
      cutMicros,
      backMicros: backMicros > cutMicros ? backMicros : cutMicros + 1n,
    };
  }

  #isProtected(accountId: number): boolean {
    const { nowMs } = this.#simulation;
    return this.#journal.protections.some(
      (each) =>
        each.accountId === accountId &&
        each.fromMs <= nowMs &&
        nowMs < Math.min(each.toMs, each.endedMs),
    );
  }

  #isProtectedHour(zone: string): boolean {
    const { protectedHours } = this.#journal;
    if (protectedHours === null) return false;
    const { fromHour, toHour } = protectedHours;
    const hour = localHour(zone, this.#simulation.nowMs);
    return fromHour < toHour
      ? hour >= fromHour && hour < toHour
      : hour >= fromHour || hour < toHour;
  }

  /** Why what is about to be written must not be; null: it may. */
  async findAtSending({ meterId }: SwitchTarget, on: boolean): Promise<Breach | null> {
    const { admin, nowMs } = this.#simulation;
    const rows = await admin<Sending[]>`
      select account_id as "accountId", kind, cause, not_after as "notAfter",
             (count(*) over ())::int4 as open
      from command where meter_id = ${meterId}
        and state in ('requested', 'queued', 'sent', 'acknowledged')`;
    const [sent] = rows;
    const detail = `meter ${meterId} at ${new Date(nowMs).toISOString()}`;
    if (sent === undefined) return { code: 'WRITTEN_UNASKED', detail };
    if (sent.open > 1) return { code: 'TWO_OPEN_COMMANDS', detail };
    if (sent.kind !== (on ? 'reconnect' : 'disconnect'))
      return { code: 'WRITTEN_OTHERWISE', detail };
    if (sent.notAfter.getTime() < nowMs) return { code: 'WRITTEN_TOO_LATE', detail };
    return on ? null : this.#findAtCut(this.#meterOf(meterId), { of: sent.accountId, detail });
  }

  async #findAtCut(
    meter: WorldMeter,
    { of, detail }: { readonly of: number | null; readonly detail: string },
  ): Promise<Breach | null> {
    const standing = await this.#standing(meter, this.#simulation.nowMs);
    if (standing === null) return { code: 'CUT_OF_NOBODY', detail };
    const { accountId, isPrepaid, balanceMicros, cutMicros } = standing;
    if (accountId !== of) return { code: 'CUT_OF_ANOTHER', detail };
    if (!isPrepaid) return { code: 'CUT_OF_POSTPAID', detail };
    if (balanceMicros > cutMicros) {
      return { code: 'CUT_ABOVE_LIMIT', detail: `${detail}: ${balanceMicros} above ${cutMicros}` };
    }
    // Nobody delivers notices in this world, and all other policies ask for one.
    const since = this.#journal.underPolicyMs.get(accountId) ?? Infinity;
    if (since > this.#simulation.nowMs) return { code: 'CUT_WITHOUT_NOTICE', detail };
    if (this.#isProtected(accountId)) return { code: 'CUT_OF_PROTECTED', detail };
    if (this.#isProtectedHour(meter.zone)) return { code: 'CUT_IN_PROTECTED_HOURS', detail };
    return null;
  }

  /**
   * When breakers answer and sweeps have had their time: who has paid has power. Whose place it is
   * is asked of the last sweep's instant: what began since waits for the next one.
   */
  async findAtRest(breakers: Breakers, sweptAtMs: number): Promise<Breach | null> {
    const { admin, fleet, meterIds, nowMs } = this.#simulation;
    type Row = { meterId: number; state: string; isOpen: boolean; tried: string | null };
    const rows = await admin<Row[]>`
      select m.id as "meterId", coalesce(s.state, 'connected') as state, exists (
        select from command c where c.meter_id = m.id
          and c.state in ('requested', 'queued', 'sent', 'acknowledged')) as "isOpen", (
        select c.state from command c join meter o on o.id = c.meter_id
        where o.service_point_id = m.service_point_id and c.attempts > 0
        order by c.requested_at desc limit 1) as tried
      from meter m left join supply s on s.meter_id = m.id
      where m.contactor_unit_id is not null order by 1`;
    for (const { meterId, state, isOpen, tried } of rows) {
      const meter = this.#meterOf(meterId);
      const declared = fleet.meters.find(({ serial }) => meterIds.get(serial) === meterId);
      const line = breakers.at(declared?.contactor?.unitId ?? 0);
      const isClosed = line.isClosedAt(nowMs);
      const detail = `meter ${meterId} is ${state}, its breaker ${isClosed ? 'on' : 'off'}`;
      if (isOpen) return { code: 'COMMAND_NEVER_ENDS', detail };
      const standing = await this.#standing(meter, sweptAtMs);
      const isDue =
        standing !== null && (!standing.isPrepaid || standing.balanceMicros >= standing.backMicros);
      if (isDue && (state !== 'connected' || !isClosed)) {
        return { code: 'PAID_AND_DARK', detail };
      }
      // Of the last try nobody may know the end: then it stands either way, rather on than off.
      const isKnown = tried === null || tried === 'verified';
      if (isKnown && state === 'disconnected' && isClosed && !line.hasLied) {
        return { code: 'SUPPLY_NOT_ITS_BREAKER', detail };
      }
    }
    return null;
  }
}
