import type { KeyObject } from 'node:crypto';
import postgres from 'postgres';
import { connect } from '../../src/db/connect.ts';
import type { Database, Sql } from '../../src/db/connect.ts';
import type { Viewer } from '../../src/domain/access/viewer.ts';
import type { Fleet } from '../../src/domain/fleet.ts';
import { parseCompanyId } from '../../src/domain/ids.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { publishVeeSet } from '../../src/operations/publishVeeSet.ts';
import type { OfficeDeps } from '../../src/operations/office/enterReadings.ts';
import { createRatingMemory } from '../../src/operations/rating/registry.ts';
import type { Rated } from '../../src/operations/rateReadings.ts';
import type { RegisteredFleet } from '../../src/operations/registerFleet.ts';
import { Fuse, brittleSql, noCrash } from './faults.ts';
import type { CrashPlan, Hands } from './faults.ts';
import type { Admin } from './invariants.ts';
import type { Operations } from './operations.ts';
import { SeededRandom } from './seededRandom.ts';
import { Sender } from './sender.ts';
import { Tenancies } from './tenancies.ts';
import type { Tenancy } from './tenancies.ts';
import { makeWorld, signingKey } from './world.ts';
import type { World, WorldMeter } from './world.ts';

/** Something that must never be: the seed and the step bring it back. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly code: string;

  constructor(code: string, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}

export type Counts = {
  crashes: number;
  crashesAfterCommit: number;
  cuts: number;
  visits: number;
  receipts: number;
  duplicates: number;
  refusals: number;
  payments: number;
  publications: number;
  /** Agreements whose time went on without a reading. */
  accruals: number;
  /** What else was drawn, by name: words of the office, meters fitted, clocks that are off. */
  acts: Record<string, number>;
  audits: number;
};

type Visitor = () => Promise<void>;

const stepsOfClockMs = [1, 6, 20, 60, 60, 60, 300, 1_440].map((minutes) => minutes * 60_000);
const dayMs = 86_400_000;
/** The loads of the world end at 120 days. */
const daysMax = 110;
const attemptsMax = 40;

/** One run of the world: its clock, its database, its people, and the journal of what was said. */
export class Simulation {
  readonly random: SeededRandom;
  readonly world: World;
  readonly operations: Operations;
  readonly admin: Admin;
  readonly officeKey: KeyObject;
  readonly senders: Sender[] = [];
  /** By the hex of their ids, keys that are not simply known. */
  readonly keys = new Map<string, 'unknown' | 'revoked'>();
  readonly payments: { accountId: number; micros: bigint }[] = [];
  readonly counts: Counts = {
    crashes: 0,
    crashesAfterCommit: 0,
    cuts: 0,
    visits: 0,
    receipts: 0,
    duplicates: 0,
    refusals: 0,
    payments: 0,
    publications: 0,
    accruals: 0,
    acts: {},
    audits: 0,
  };
  /** All that were ever fitted, in this order. */
  readonly meters: WorldMeter[];
  /** Of those that are registered, by serial. */
  readonly meterIds = new Map<string, number>();
  nowMs: number;
  /** Without the minutes of those who wait in between: everybody else reads as without them. */
  #hourMs: number;
  fleet: Fleet;
  ids: RegisteredFleet | null = null;
  /** Of agreements that were changed since they were declared. */
  readonly journal = new Tenancies();
  readonly #writer: Database;
  readonly #api: Database;
  #memory = createRatingMemory();

  private constructor(
    given: { seed: number; operations: Operations },
    clients: { admin: Admin; writer: Database; api: Database },
  ) {
    this.random = new SeededRandom(given.seed + 1_000_003);
    this.world = makeWorld(given.seed);
    this.officeKey = signingKey(new SeededRandom(given.seed + 2_000_003));
    this.fleet = this.world.fleet;
    this.meters = [...this.world.meters];
    this.nowMs = this.world.startMs;
    this.#hourMs = this.world.startMs;
    this.operations = given.operations;
    this.admin = clients.admin;
    this.#writer = clients.writer;
    this.#api = clients.api;
  }

  /** On a migrated, empty database. */
  static async open(given: {
    url: string;
    seed: number;
    operations: Operations;
  }): Promise<Simulation> {
    const name = `simulation ${given.seed}`;
    const writer = await connect(given.url, { role: 'joulebook_writer', connectionsMax: 4, name });
    const api = await connect(given.url, { role: 'joulebook_api', connectionsMax: 2, name });
    const admin: Admin = postgres(given.url, {
      max: 1,
      types: { bigint: postgres.BigInt },
      onnotice: () => {},
    });
    return new Simulation(given, { admin, writer, api });
  }

  async close(): Promise<void> {
    await Promise.all([this.admin.end({ timeout: 5 }), this.#writer.close(), this.#api.close()]);
  }

  /** Registers the world's fleet. */
  async begin(): Promise<void> {
    await this.register(this.fleet, { plan: noCrash });
    if (this.world.isEven) await this.#publishEvenGaps();
    for (const edge of this.world.edges) {
      const edgeId = this.registered.edges.get(edge.name)?.edgeId ?? 0;
      const { random, meters } = this;
      const { startMs } = this.world;
      const idOf = (meter: WorldMeter): number => this.idOf(meter);
      const note = (what: string): void => this.note(what);
      this.senders.push(new Sender(edge, { edgeId, random, meters, idOf, startMs, note }));
    }
  }

  /** What the auditor can work out by itself: gaps as even as time, and no bill held. */
  async #publishEvenGaps(): Promise<void> {
    const published = await publishVeeSet(
      { sql: this.#api.sql, clock: this.clock, wake: () => {} },
      this.viewer,
      {
        idempotencyKey: this.random.uuid(),
        validFromMs: 0,
        document: {
          customerClass: 'community',
          rules: { highLow: { outcome: 'alert' }, multiplier: { outcome: 'alert' } },
          estimation: { order: [], failed: 'alert' },
        },
        reason: 'the auditor knows no other way',
      },
    );
    if (!published.ok) throw new Violation('RULES_REFUSED', published.message);
  }

  get registered(): RegisteredFleet {
    if (this.ids === null) throw new Error('the world registers its fleet first');
    return this.ids;
  }

  /** All agreements as they stand. */
  get tenancies(): readonly Tenancy[] {
    return this.journal.all(this.fleet, this.registered);
  }

  /** By which its gateway knows it. */
  idOf(meter: WorldMeter): number {
    const id = meter.ownId ?? this.meterIds.get(meter.serial);
    if (id === undefined) throw new Error(`meter ${meter.serial} has no id yet`);
    return id;
  }

  isRegistered(meter: WorldMeter): boolean {
    return this.meterIds.has(meter.serial);
  }

  /** The next meter that the database registers gets this id: its gateway has used it already. */
  async giveId(id: number): Promise<void> {
    await this.admin`select setval(pg_get_serial_sequence('meter', 'id'), ${id - 1})`;
  }

  note(what: string): void {
    this.counts.acts[what] = (this.counts.acts[what] ?? 0) + 1;
  }

  get clock(): { nowMs(): number } {
    return { nowMs: () => this.nowMs };
  }

  get viewer(): Viewer {
    const companyId = parseCompanyId(this.registered.companyId);
    if (!companyId.ok) throw new Error(companyId.message);
    const viewer = { role: 'administrator', accountId: null, actor: 'simulator' } as const;
    return { ...viewer, companyId: companyId.value, persistedOnly: false };
  }

  /** What an operation of the office is given. */
  officeDeps({ api, writer }: { readonly api: Sql; readonly writer: Sql }): OfficeDeps {
    const office = { writer, key: this.officeKey };
    return { sql: api, clock: this.clock, wake: () => {}, office };
  }

  /** Sometimes at none, sometimes at any await that an operation may have. */
  crashPlan(probability = 0.4): CrashPlan {
    const { random } = this;
    if (!random.chance(probability)) return noCrash;
    const isBeforeCommit = random.chance(0.25);
    const atAwait = random.between(1, random.pick([12, 26, 70]));
    const cutsConnection = random.chance(0.15);
    return { atAwait: isBeforeCommit ? Infinity : atAwait, isBeforeCommit, cutsConnection };
  }

  /**
   * Another process does something in the middle of an operation. It runs until it is done or
   * waits for a lock of the interrupted one, which then goes on: the same order at every run.
   */
  #visitOf(visitor: Visitor, visits: Promise<void>[]): () => Promise<void> {
    return async () => {
      this.counts.visits += 1;
      let isDone = false;
      const visit = visitor().finally(() => {
        isDone = true;
      });
      // Its failure is heard when the operation is over.
      visit.catch(() => {});
      visits.push(visit);
      for (;;) {
        const [row] = await this.admin<{ blocked: boolean }[]>`
          select exists(select from pg_stat_activity where datname = current_database()
                        and wait_event_type = 'Lock') as blocked`;
        if (isDone || row.blocked) return;
      }
    };
  }

  /** Runs one operation in a process that may die in it; null when it did. */
  async survive<T>(
    plan: CrashPlan,
    run: (sql: Hands) => Promise<T>,
    visitor?: { readonly atAwait: number; readonly visit: Visitor },
  ): Promise<T | null> {
    // Drawn before anything runs: where processes overlap, their order must not move the dice.
    const forgets = this.random.chance(0.7);
    const visits: Promise<void>[] = [];
    const guest = visitor === undefined ? null : this.#visitOf(visitor.visit, visits);
    const fuse = new Fuse(plan, { atAwait: visitor?.atAwait ?? Infinity, visit: guest });
    const cut = async (pid: number): Promise<void> => {
      this.counts.cuts += 1;
      await this.admin`select pg_terminate_backend(${pid}, 10000)`;
    };
    const writer = brittleSql(this.#writer.sql, fuse, cut);
    const api = brittleSql(this.#api.sql, fuse, cut);
    try {
      return await run({ writer, api });
    } catch (error) {
      if (!fuse.isBurnt) throw error;
      this.counts.crashes += 1;
      if (fuse.isCommitted) this.counts.crashesAfterCommit += 1;
      if (forgets) this.#memory = createRatingMemory();
      return null;
    } finally {
      await Promise.all(visits);
    }
  }

  /** As `survive`, for those who draw by dice of their own. */
  async apart<T>(plan: CrashPlan, run: (hands: Hands) => Promise<T>): Promise<T | null> {
    const fuse = new Fuse(plan);
    const cut = async (pid: number): Promise<void> => {
      this.counts.cuts += 1;
      await this.admin`select pg_terminate_backend(${pid}, 10000)`;
    };
    try {
      const api = brittleSql(this.#api.sql, fuse, cut);
      return await run({ writer: brittleSql(this.#writer.sql, fuse, cut), api });
    } catch (error) {
      if (!fuse.isBurnt) throw error;
      this.counts.crashes += 1;
      if (fuse.isCommitted) this.counts.crashesAfterCommit += 1;
      return null;
    }
  }

  /** Until it gets an answer, as a client does who keeps its key. */
  async insist<T>(run: (sql: Hands) => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const answer = await this.survive(this.crashPlan(attempt < 6 ? 0.4 : 0), run);
      if (answer !== null) return answer;
    }
    throw new Violation('NO_ANSWER', `none after ${attemptsMax} attempts`);
  }

  advanceClock(): void {
    const { random } = this;
    let byMs = random.pick(stepsOfClockMs);
    if (random.chance(0.04)) byMs = random.between(2, 25) * dayMs;
    this.pass(byMs);
  }

  /** Nothing else happens for a while. */
  pass(ms: number): void {
    this.#hourMs = Math.min(this.#hourMs + ms, this.world.startMs + daysMax * dayMs);
    this.nowMs = Math.max(this.nowMs, this.#hourMs);
  }

  /** `newMeter` heads the declaration, and gets the id by which its gateway knows it. */
  async register(
    fleet: Fleet,
    { plan, newMeter }: { plan?: CrashPlan | undefined; newMeter?: WorldMeter } = {},
  ): Promise<void> {
    const run = async ({ writer }: { writer: Sql }) => {
      if (newMeter !== undefined) await this.giveId(this.idOf(newMeter));
      return this.operations.registerFleet({ sql: writer, clock: this.clock }, fleet);
    };
    const registered = plan === undefined ? await this.insist(run) : await this.survive(plan, run);
    if (registered === null || !registered.ok) {
      throw new Violation('FLEET_REFUSED', registered?.message ?? 'no answer');
    }
    const id = newMeter === undefined ? null : registered.value.meters.get(newMeter.serial);
    if (id !== null && id !== newMeter?.ownId) throw new Error('the rig gave another id');
    this.fleet = fleet;
    this.ids = registered.value;
    for (const [serial, meterId] of registered.value.meters) this.meterIds.set(serial, meterId);
  }

  async rate(
    shard: number,
    plan: CrashPlan,
    visitor?: { readonly atAwait: number; readonly visit: Visitor },
  ): Promise<Rated | null> {
    return this.survive(
      plan,
      ({ writer }) => {
        const rate = async (job: Parameters<typeof rateJob>[0]) => rateJob(job);
        const deps = { sql: writer, clock: this.clock, rate, memory: this.#memory };
        return this.operations.rateReadings(deps, { shard });
      },
      visitor,
    );
  }
}
