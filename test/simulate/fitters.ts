import { factorText } from '../../src/domain/series/factor.ts';
import type { AuditedMark } from './auditedWalk.ts';
import type { CrashPlan } from './faults.ts';
import type { Office } from './office.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import { fitMeter, fleetMeter, unwired } from './world.ts';
import type { WorldMeter } from './world.ts';

type Swap = { readonly old: WorldMeter; readonly fresh: WorldMeter; readonly atMs: number };

/** Each of its own thousand: between them lie the ids that registrations use up. */
const idsApart = 1_000;
const fittedMax = 3;
const visitedMax = 6;
const main = 1;
const everyRegister = 0;
const one = { numerator: 1n, denominator: 1n };

/**
 * People who put up meters and take them off. Gateways read a meter from the moment it hangs on the
 * wall; the office hears of it then, or days later.
 */
export class Fitters {
  readonly #simulation: Simulation;
  readonly #office: Office;
  /** They hang on the wall, and nobody has registered them. */
  readonly #unregistered: WorldMeter[] = [];
  readonly #swaps: Swap[] = [];
  #fitted = 0;

  constructor(simulation: Simulation, office: Office) {
    this.#simulation = simulation;
    this.#office = office;
  }

  async act(): Promise<string> {
    const { random } = this.#simulation;
    const draw = random.below(10);
    const what = draw < 3 ? await this.#fit() : draw < 8 ? await this.#record() : null;
    const done = what ?? (await this.#retry());
    this.#simulation.note(done);
    return done;
  }

  async #record(): Promise<string | null> {
    const { random } = this.#simulation;
    const [swap] = this.#swaps;
    if (this.#unregistered.length > 0 && (swap === undefined || random.chance(0.5))) {
      return this.register();
    }
    return swap === undefined ? null : this.#exchange(swap);
  }

  #newMeter(
    like: Pick<WorldMeter, 'edge' | 'servicePoint' | 'zone' | 'line'>,
    powerMaxW: number | null,
  ) {
    const { random, world, meters, nowMs } = this.#simulation;
    this.#fitted += 1;
    const { edge, servicePoint, zone, line } = like;
    const meter = fitMeter(random, {
      serial: `N${this.#fitted}`,
      edge,
      servicePoint,
      zone,
      ownId: idsApart * this.#fitted,
      fittedMs: nowMs,
      line,
      startMs: world.startMs,
      powerMaxW,
    });
    meters.push(meter);
    return meter;
  }

  /** A further meter at some place, or another one in place of one that hangs there. */
  async #fit(): Promise<string | null> {
    const simulation = this.#simulation;
    const { random, world, meters } = simulation;
    if (this.#fitted >= fittedMax) return null;
    if (random.chance(0.4)) {
      const like = random.pick(world.meters);
      const beside = { ...like, edge: random.pick(world.edges), line: null };
      this.#unregistered.push(this.#newMeter(beside, null));
      return 'meter fitted';
    }
    const hanging = meters.filter(
      (each) => simulation.isRegistered(each) && each.removedMs === null,
    );
    const swap = this.#swap(random.pick(hanging));
    return random.chance(0.4) ? this.#exchange(swap) : 'meter swapped';
  }

  /** Somebody was sent to a place where the supply does not do as it is told. */
  async visit(meterId: number): Promise<string | null> {
    const simulation = this.#simulation;
    const old = simulation.meters.find((each) => simulation.idOf(each) === meterId);
    const isThere = old !== undefined && old.removedMs === null;
    if (!isThere || this.#fitted >= visitedMax) return null;
    return this.#exchange(this.#swap(old));
  }

  #swap(old: WorldMeter): Swap {
    const { nowMs } = this.#simulation;
    const swap = { old, fresh: this.#newMeter(old, old.powerMaxW), atMs: nowMs };
    old.removedMs = nowMs;
    this.#swaps.push(swap);
    return swap;
  }

  /** What hangs on the wall gets into the registry, as the id by which it is read already. */
  async register(plan?: CrashPlan): Promise<string | null> {
    const simulation = this.#simulation;
    const meter = this.#unregistered.shift();
    if (meter === undefined) return null;
    const { fleet } = simulation;
    // Ids are given in the order of the declaration.
    const meters = [fleetMeter(meter, unwired), ...fleet.meters];
    await simulation.register({ ...fleet, meters }, { plan, newMeter: meter });
    return 'meter registered late';
  }

  #lastPlace(meterId: number): AuditedMark['kind'] | null {
    const kinds = this.#office.marksOf(meterId).map(({ kind }) => kind);
    return kinds.findLast((kind) => kind === 'installed' || kind === 'removed') ?? null;
  }

  async #exchange(swap: Swap): Promise<string> {
    const simulation = this.#simulation;
    const { random } = simulation;
    const { old, fresh, atMs } = swap;
    this.#swaps.splice(this.#swaps.indexOf(swap), 1);
    const meterId = simulation.idOf(old);
    const value = (meter: WorldMeter) => this.#office.shown(meter, atMs);
    const finalValue = random.chance(0.7) ? value(old) : null;
    const startValue = random.chance(0.7) ? value(fresh) : null;
    const factors = [null, null, one, { numerator: 3n, denominator: 2n }];
    const before = this.#office.marksOf(meterId).findLast((mark) => mark.atMs < atMs) ?? one;
    const said = random.pick(factors);
    const valuesOf = (shown: bigint | null) =>
      shown === null ? [] : [{ channel: main, value: shown }];
    const input = {
      meterId,
      atMs,
      finalValues: valuesOf(finalValue),
      meter: {
        serial: fresh.serial,
        mapName: null,
        powerMaxW: null,
        registerModulusWh: fresh.modulusWh,
        factor: said === null ? null : factorText(said),
      },
      startValues: valuesOf(startValue),
      reason: 'verification period is over',
    };
    const idempotencyKey = random.uuid();
    const press = (key: string) =>
      simulation.insist(async ({ api }) => {
        await simulation.giveId(simulation.idOf(fresh));
        const deps = { sql: api, clock: simulation.clock, wake: () => {} };
        const asked = { ...input, idempotencyKey: key };
        return simulation.operations.exchangeMeter(deps, simulation.viewer, asked);
      });
    const isGone = this.#lastPlace(meterId) === 'removed';
    const exchanged = await press(idempotencyKey);
    if (isGone) {
      const isRefused = !exchanged.ok && exchanged.code === 'METER_REMOVED';
      if (!isRefused) throw new Violation('EXCHANGE_OF_NOTHING', `meter ${meterId}`);
      // Somebody marked the old one as removed already: the new one is a meter of its own.
      this.#unregistered.push(fresh);
      return 'exchange refused';
    }
    if (!exchanged.ok) throw new Violation('EXCHANGE_REFUSED', exchanged.message);
    const { newMeterId } = exchanged.value;
    if (Number(newMeterId) !== simulation.idOf(fresh)) throw new Error('the rig gave another id');
    const { numerator, denominator } = said ?? before;
    const factor = { numerator, denominator };
    this.#noteMarks(swap, { finalValue, startValue, factor });
    this.#declare(swap);
    if (random.chance(0.4)) {
      const again = await press(idempotencyKey);
      const isSame = again.ok && again.value.isReplay && again.value.newMeterId === newMeterId;
      if (!isSame) throw new Violation('EXCHANGE_NOT_REPLAYED', idempotencyKey);
      const other = await press(random.uuid());
      if (other.ok) throw new Violation('EXCHANGED_TWICE', `meter ${meterId}`);
    }
    const isLate = atMs < simulation.nowMs;
    return isLate ? 'meter exchanged, told late' : 'meter exchanged';
  }

  #noteMarks(
    { old, fresh, atMs }: Swap,
    said: Pick<AuditedMark, 'finalValue' | 'startValue'> & {
      readonly factor: Pick<AuditedMark, 'numerator' | 'denominator'>;
    },
  ): void {
    const simulation = this.#simulation;
    const { finalValue, startValue, factor } = said;
    const ends = [
      { meter: old, kind: 'removed' as const, finalValue, startValue: null, factor: null },
      { meter: fresh, kind: 'installed' as const, finalValue: null, startValue, factor },
    ];
    const open = { finalValue: null, startValue: null };
    for (const { meter, kind, factor: of, ...values } of ends) {
      const meterId = simulation.idOf(meter);
      this.#office.tell(meterId, { atMs, kind, ...open, channel: everyRegister, factor: of });
      const isRead = values.finalValue !== null || values.startValue !== null;
      if (!isRead) continue;
      this.#office.tell(meterId, { atMs, kind, ...values, channel: main, factor: null });
    }
  }

  /** Whoever exchanges a meter declares it so from then on: the wires are the new one's. */
  #declare({ old, fresh }: Swap): void {
    const simulation = this.#simulation;
    const { fleet } = simulation;
    const wiring = fleet.meters.find(({ serial }) => serial === old.serial) ?? unwired;
    const meters = fleet.meters.map((each) =>
      each.serial === old.serial ? { ...each, ...unwired } : each,
    );
    simulation.fleet = { ...fleet, meters: [...meters, fleetMeter(fresh, wiring)] };
    simulation.meterIds.set(fresh.serial, simulation.idOf(fresh));
  }

  /** Somebody mended what spoke against rows, or thinks so: they are looked at again. */
  async #retry(): Promise<string> {
    const { random, meterIds } = this.#simulation;
    const ids = [...meterIds.values()];
    return this.retry(random.chance(0.6) ? null : random.pick(ids));
  }

  async retry(meterId: number | null): Promise<string> {
    const simulation = this.#simulation;
    const { random } = simulation;
    const idempotencyKey = random.uuid();
    const press = () =>
      simulation.insist(({ api }) =>
        simulation.operations.retryReadings(
          { sql: api, clock: simulation.clock, wake: () => {} },
          simulation.viewer,
          { idempotencyKey, meterId },
        ),
      );
    const retried = await press();
    if (!retried.ok) throw new Violation('RETRY_REFUSED', retried.message);
    if (random.chance(0.3)) {
      const again = await press();
      if (!again.ok || !again.value.isReplay) throw new Violation('RETRY_TWICE', idempotencyKey);
    }
    return retried.value.rows > 0 ? 'retry of rows held back' : 'retry of nothing';
  }
}
