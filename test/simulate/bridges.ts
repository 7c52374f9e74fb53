import { trueRow } from './auditedSeries.ts';
import type { AuditedRow } from './auditedSeries.ts';
import { drawCrash, noCrash } from './faults.ts';
import type { CrashPlan } from './faults.ts';
import type { Breach } from './invariants.ts';
import type { Office } from './office.ts';
import type { SeededRandom } from './seededRandom.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import type { SupplyLine } from './supplyLine.ts';
import type { WorldMeter } from './world.ts';

/** Domain rule 66. */
const alarmWh = 300n;
/** Small slips of readings do not add up to an alarm. */
/** Of transformers in this world. */
const factorMax = 2n;
const slipWhMax = 100n;
const voided = 4;

/** A meter that the books say is off, with its newest reading. */
type Cut = {
  readonly meterId: number;
  readonly commandId: string;
  readonly cutAt: Date;
  readonly registerWh: bigint;
  /** Since when somebody is to go there for energy behind this cut or an earlier one. */
  readonly orderedAt: Date | null;
};

type Seen = Pick<Cut, 'meterId' | 'registerWh'> & { readonly isTold: boolean };

/**
 * Ways around a contactor, and the alarm that they must raise: who lays one, who takes it away, and
 * what was counted behind each verified cut, look after look.
 */
export class Bridges {
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #office: Office;
  /** By cut. */
  readonly #seen = new Map<string, Seen>();

  constructor(simulation: Simulation, given: { random: SeededRandom; office: Office }) {
    this.#simulation = simulation;
    this.#random = given.random;
    this.#office = given.office;
  }

  /** Somebody who sits in the dark helps themselves, or thinks better of it; somebody looks. */
  async act(): Promise<void> {
    const { world, nowMs } = this.#simulation;
    for (const line of world.lines.values()) {
      if (line.isDarkAt(nowMs) && this.#random.chance(0.2)) this.#lay(line);
      else if (line.isBridged && this.#random.chance(0.05)) line.bridge(false, nowMs);
    }
    const orders = await this.#simulation.admin<{ id: string; meterId: number }[]>`
      select o.id, o.meter_id as "meterId" from work_order o where o.kind = 'bypass'
        and not exists (select from work_order_end e where e.work_order_id = o.id) order by o.id`;
    for (const order of orders) if (this.#random.chance(0.3)) await this.#goThere(order);
  }

  async #goThere(order: { readonly id: string; readonly meterId: number }): Promise<void> {
    const { viewer, clock, nowMs, operations } = this.#simulation;
    const { line } = this.#meterOf(order.meterId);
    const outcome = line?.isBridged === true ? 'a wire was taken away' : 'there is nothing';
    line?.bridge(false, nowMs);
    const input = { idempotencyKey: this.#random.uuid(), workOrderId: order.id, outcome };
    const end = (plan: CrashPlan) =>
      this.#simulation.apart(plan, ({ api }) =>
        operations.endWorkOrder({ sql: api, clock, wake: () => {} }, viewer, input),
      );
    const ended = (await end(drawCrash(this.#random))) ?? (await end(noCrash));
    if (ended?.ok !== true) throw new Violation('ORDER_NOT_ENDED', ended?.code ?? 'no answer');
    this.#simulation.note('way around a cut looked for');
  }

  #meterOf(meterId: number): WorldMeter {
    const { meters } = this.#simulation;
    const meter = meters.find((each) => this.#simulation.idOf(each) === meterId);
    if (meter === undefined) throw new Error(`the world has no meter ${meterId}`);
    return meter;
  }

  #lay(line: SupplyLine): void {
    line.bridge(true, this.#simulation.nowMs);
    this.#simulation.note('way around a cut');
  }

  #read(): Promise<Cut[]> {
    return this.#simulation.admin<Cut[]>`
      select m.id as "meterId", c.id as "commandId", c.at as "cutAt",
             h.last_value_wh as "registerWh", (
               select max(o.opened_at) from work_order o join meter x on x.id = o.meter_id
               where x.service_point_id = m.service_point_id and o.kind = 'bypass'
                 and not exists (select from work_order_end e where e.work_order_id = o.id)
             ) as "orderedAt"
      from meter m
      join series_head h on h.meter_id = m.id and h.channel = 1
      cross join lateral (
        -- A contactor stays where it is when its meter is exchanged.
        select k.id, k.kind, s.at from command k join meter o on o.id = k.meter_id
        join command_step s on s.command_id = k.id and s.state = 'verified'
        where o.service_point_id = m.service_point_id
          and (o.id = m.id or o.contactor_unit_id is null)
        order by s.at desc limit 1) c
      where m.contactor_unit_id is not null and c.kind = 'disconnect' and h.last_read_at >= c.at
      order by m.id`;
  }

  /** After each sweep. */
  async find(): Promise<Breach | null> {
    for (const cut of await this.#read()) {
      const { meterId, commandId, registerWh, orderedAt } = cut;
      const before = this.#seen.get(commandId);
      const isOther = before?.meterId !== meterId || registerWh < before.registerWh;
      const fromWh = isOther ? registerWh : before.registerWh;
      const isTold = before?.isTold === true || orderedAt !== null;
      this.#seen.set(commandId, { meterId, registerWh: fromWh, isTold });
      const detail = `meter ${meterId}, ${registerWh - fromWh} Wh since it was first read there`;
      if (registerWh - fromWh >= alarmWh && !isTold) return { code: 'BYPASS_UNTOLD', detail };
      const isOfThis = orderedAt !== null && orderedAt >= cut.cutAt;
      const isFirst = isOfThis && before?.isTold !== true;
      if (isFirst && this.#isUntouched(cut)) return { code: 'BYPASS_OF_NOTHING', detail };
      if (isFirst) this.#simulation.note('alarm of a way around a cut');
    }
    return null;
  }

  /** Too little has flowed there for an alarm, and nothing that was told of it says otherwise. */
  #isUntouched({ meterId, cutAt }: Cut): boolean {
    const { nowMs, senders } = this.#simulation;
    const meter = this.#meterOf(meterId);
    const cutMs = cutAt.getTime();
    if (meter.trueWh(nowMs) - meter.trueWh(cutMs) >= alarmWh / factorMax) return false;
    // What is said of a register counts it anew, from before the cut on.
    if (this.#office.lastToldMs(meterId) >= cutMs) return false;
    const sent = senders.flatMap(({ outbox }) => outbox.flatMap(({ rows }) => rows));
    const rows = [...sent, ...this.#office.batches.flatMap((batch) => batch.rows)];
    const told = rows.filter((row) => row.meterId === meterId && row.quality !== voided);
    return told.every((row) => isTrue(meter, row, { fromMs: cutMs, toMs: nowMs }));
  }
}

/** Whether the register stood about where a row says, if that is of the time in question. */
function isTrue(
  meter: WorldMeter,
  stamped: AuditedRow,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): boolean {
  const row = trueRow(stamped);
  if (row === null || row.channel !== 1 || row.unit !== 30 || row.scaler < 0) return true;
  if (row.atMs < fromMs || row.atMs > toMs) return true;
  const wh = meter.trueWh(row.atMs);
  const shownWh = meter.modulusWh === null ? wh : wh % meter.modulusWh;
  const slipWh = row.value * 10n ** BigInt(row.scaler) - shownWh;
  // A little less than before is a whole turn of a register that wraps.
  if (meter.modulusWh !== null) return slipWh === 0n;
  return slipWh < slipWhMax && slipWh > -slipWhMax;
}
