import { formatMicros } from '../../src/domain/exact.ts';
import { parseAccountId } from '../../src/domain/ids.ts';
import type { AccountId } from '../../src/domain/ids.ts';
import type { SwitchTarget } from '../../src/operations/sendCommand.ts';
import { Breakers } from './breakers.ts';
import { Bridges } from './bridges.ts';
import { drawCrash, noCrash } from './faults.ts';
import type { CrashPlan, Hands } from './faults.ts';
import type { Breach } from './invariants.ts';
import type { Fitters } from './fitters.ts';
import { IdleRules } from './idleRules.ts';
import type { Office } from './office.ts';
import { SeededRandom } from './seededRandom.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import { SupplyRules, findCommandBreaches } from './supplyRules.ts';
import type { SupplyJournal } from './supplyRules.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const cent = 10_000n;
const feeMicrosMax = 100_000_000n;
/** A top-up is at most ten million. */
const centsMax = 999_000_000n;
/** Three tries, a while to cool down, and the other way round once more. */
const roundsMax = 16;

function refuseBreach(breach: Breach | null): void {
  if (breach !== null) throw new Violation(breach.code, breach.detail);
}

/**
 * Cuts and reconnections: a policy that lets them come, people who protect and who pay, the sweep
 * that decides, and the sender on the wire, as processes that die. It has dice of its own.
 */
export class SupplyDesk {
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #breakers: Breakers;
  readonly #journal: SupplyJournal;
  readonly #rules: SupplyRules;
  readonly #bridges: Bridges;
  readonly #idle: IdleRules;
  readonly #fitters: Fitters;
  /** Of what came to this desk later: the dice above fall as they did without it. */
  readonly #others: SeededRandom;
  readonly #underway: SeededRandom;
  #idleSweptMs = 0;
  #isOpen = false;

  constructor(
    simulation: Simulation,
    { seed, office, fitters }: { seed: number; office: Office; fitters: Fitters },
  ) {
    this.#simulation = simulation;
    this.#fitters = fitters;
    const random = new SeededRandom(seed + 6_000_029);
    this.#random = random;
    const others = new SeededRandom(seed + 7_000_003);
    const { lines } = simulation.world;
    this.#breakers = new Breakers(random, { lines, nowMs: () => simulation.nowMs });
    const fromHour = random.below(24);
    this.#journal = {
      underPolicyMs: new Map(),
      protectedHours: random.chance(0.5) ? { fromHour, toHour: (fromHour + 8) % 24 } : null,
      dataAgeMsMax: random.pick([240, 1_440, 1_440]) * minuteMs,
      isDarkCharged: others.chance(0.3),
      protections: [],
    };
    this.#rules = new SupplyRules(simulation, this.#journal);
    this.#others = others;
    this.#underway = new SeededRandom(seed + 9_000_011);
    this.#bridges = new Bridges(simulation, { random: others, office });
    this.#idle = new IdleRules(simulation, { office, journal: this.#journal });
  }

  get #accounts(): readonly AccountId[] {
    return [...this.#simulation.registered.accounts.values()].map((id) => {
      const parsed = parseAccountId(id);
      if (!parsed.ok) throw new Error(parsed.message);
      return parsed.value;
    });
  }

  /** By the same key until there is an answer. */
  async #insist<T>(run: (hands: Hands, idempotencyKey: string) => Promise<T>): Promise<T> {
    const key = this.#random.uuid();
    const first = await this.#simulation.apart(drawCrash(this.#random), (hands) => run(hands, key));
    const answer = first ?? (await this.#simulation.apart(noCrash, (hands) => run(hands, key)));
    if (answer === null) throw new Error('what does not crash answers');
    return answer;
  }

  #deps({ api }: Hands) {
    return { sql: api, clock: this.#simulation.clock, wake: () => {} };
  }

  /** A policy without notice, and most accounts under it. */
  async #open(): Promise<void> {
    const { viewer, nowMs, operations } = this.#simulation;
    const { protectedHours, dataAgeMsMax, isDarkCharged } = this.#journal;
    const hour = (of: number): string => `${String(of).padStart(2, '0')}:00`;
    const spans =
      protectedHours === null
        ? []
        : [{ from: hour(protectedHours.fromHour), to: hour(protectedHours.toHour) }];
    const document = {
      name: 'swift',
      notice: null,
      weather: null,
      protectedHours: spans,
      dataAgeMinutes: dataAgeMsMax / minuteMs,
      standingChargeWhileDisconnected: isDarkCharged,
      emergencyCredit: this.#random.chance(0.5)
        ? { amount: '5.00', selectableBelow: '0.00' }
        : null,
    };
    const begins = { validFromMs: nowMs, reason: 'asked for by the world' };
    const published = await this.#insist((hands, idempotencyKey) =>
      operations.publishPolicy(this.#deps(hands), viewer, { idempotencyKey, document, ...begins }),
    );
    if (!published.ok) throw new Violation('POLICY_REFUSED', published.message);
    for (const accountId of this.#accounts) {
      if (this.#random.chance(0.1)) continue;
      const put = await this.#insist((hands, idempotencyKey) =>
        operations.putUnderPolicy(this.#deps(hands), viewer, {
          idempotencyKey,
          accountId,
          policyName: 'swift',
          ...begins,
        }),
      );
      if (!put.ok) throw new Violation('POLICY_REFUSED', put.message);
      this.#journal.underPolicyMs.set(accountId, nowMs);
    }
    this.#isOpen = true;
  }

  async act(): Promise<void> {
    if (!this.#isOpen) await this.#open();
    this.#pass();
    const draw = this.#random.below(100);
    if (draw < 2) await this.#protect(this.#random.pick(this.#accounts));
    else if (draw < 12) await this.#release();
    else if (draw < 28) await this.#pay();
    else if (draw < 56) await this.#charge();
    await this.#protectAtLast();
    await this.#bridges.act();
    this.#sitInTheDark();
    await this.#sendFitter();
    await this.#work(this.#random.between(0, 2));
    // Whoever dies is started again: no sweep is missed for long.
    await this.#sweep(noCrash);
    await this.#look();
  }

  async #look(): Promise<void> {
    const [breach] = await findCommandBreaches(this.#simulation.admin);
    refuseBreach(breach ?? null);
    refuseBreach(await this.#bridges.find());
    refuseBreach(await this.#idle.find(this.#idleSweptMs));
  }

  /** As workers do that die now and then; breakers are as they are. */
  async #work(rounds: number): Promise<void> {
    for (let round = rounds; round > 0; round -= 1) {
      await this.#sweep(drawCrash(this.#random));
      this.#simulation.nowMs += this.#random.between(1, 60) * 1_000;
    }
  }

  get #isDarkSomewhere(): boolean {
    const { world, nowMs } = this.#simulation;
    return [...world.lines.values()].some((line) => line.isDarkAt(nowMs) || line.isBridged);
  }

  /** Days pass, and somebody has no light. */
  #sitInTheDark(): void {
    if (!this.#isDarkSomewhere || !this.#others.chance(0.1)) return;
    this.#simulation.pass(this.#others.between(24, 80) * hourMs);
    this.#simulation.note('days in the dark');
  }

  /** Hours pass: then all meters should be read, so that what is seen behind a cut is judged. */
  waitsInTheDark(): boolean {
    if (!this.#isDarkSomewhere || !this.#others.chance(0.25)) return false;
    this.#simulation.pass(this.#others.between(1, 3) * hourMs);
    this.#simulation.note('hours in the dark');
    return true;
  }

  /** Where cuts were tried the meter is exchanged more often than elsewhere. */
  async #sendFitter(): Promise<void> {
    const isAnywhere = this.#others.chance(0.15);
    const rows = await this.#simulation.admin<{ id: number; isUnderway: boolean }[]>`
      select m.id, bool_or(c.state in ('queued', 'sent', 'acknowledged')) as "isUnderway"
      from meter m join meter o on o.service_point_id = m.service_point_id
      join command c on c.meter_id = o.id and c.kind = 'disconnect' and c.attempts > 0
      where m.contactor_unit_id is not null group by m.id order by max(c.requested_at) desc, m.id`;
    const underway = rows.find(({ isUnderway }) => isUnderway);
    const isMeanwhile = underway !== undefined && this.#underway.chance(0.6);
    const to = isMeanwhile ? underway : isAnywhere ? rows[0] : undefined;
    const done = to === undefined ? null : await this.#fitters.visit(to.id);
    if (done !== null) this.#simulation.note(`${done} at a cut`);
  }

  /** Whoever comes here comes after what has just been decided. */
  #pass(): void {
    this.#simulation.nowMs += 1_000;
  }

  /** Somebody hears of a cut that is on its way. */
  async #protectAtLast(): Promise<void> {
    const rows = await this.#simulation.admin<{ id: number }[]>`
      select account_id as id from command
      where kind = 'disconnect' and state in ('requested', 'queued') order by id`;
    const threatened = this.#accounts.filter((each) => rows.some(({ id }) => id === each));
    if (threatened.length > 0 && this.#random.chance(0.3))
      await this.#protect(this.#random.pick(threatened));
  }

  async #protect(accountId: AccountId): Promise<void> {
    const { viewer, nowMs, operations } = this.#simulation;
    const kind = this.#random.pick(['life_support', 'medical', 'dispute'] as const);
    const toMs = kind === 'life_support' ? null : nowMs + this.#random.between(1, 48) * hourMs;
    const span = { fromMs: nowMs, toMs };
    const added = await this.#insist((hands, idempotencyKey) =>
      operations.addProtection(this.#deps(hands), viewer, {
        idempotencyKey,
        accountId,
        kind,
        ...span,
        reason: 'told on the telephone',
      }),
    );
    if (!added.ok) throw new Violation('PROTECTION_REFUSED', added.message);
    const { id } = added.value;
    const ends = { toMs: toMs ?? Infinity, endedMs: Infinity };
    this.#journal.protections.push({ id, accountId, fromMs: nowMs, ...ends });
    this.#simulation.note('protection');
  }

  async #release(): Promise<void> {
    const { viewer, nowMs, operations } = this.#simulation;
    const standing = this.#journal.protections.filter(({ endedMs }) => endedMs === Infinity);
    if (standing.length === 0) return;
    const protection = this.#random.pick(standing);
    const ended = await this.#insist((hands, idempotencyKey) =>
      operations.endProtection(this.#deps(hands), viewer, {
        idempotencyKey,
        protectionId: protection.id,
        contactProof: 'spoke to her at the door',
        reason: 'moved into a home',
      }),
    );
    if (!ended.ok) throw new Violation('PROTECTION_REFUSED', ended.message);
    protection.endedMs = nowMs;
    this.#simulation.note('protection ended');
  }

  async #balanceOf(accountId: AccountId): Promise<bigint> {
    const [row] = await this.#simulation.admin<{ micros: bigint }[]>`
      select balance_micros as micros from account_balance where account_id = ${accountId}`;
    return row?.micros ?? 0n;
  }

  /** What is owed and a little more, or less: around the levels at which something happens. */
  async #pay(): Promise<void> {
    const { viewer, operations } = this.#simulation;
    const accountId = this.#random.pick(this.#accounts);
    const wanted = BigInt(this.#random.pick([-50, 0, 1, 99, 100, 101, 500, 4_000])) * cent;
    const missing = wanted - (await this.#balanceOf(accountId));
    const cents = missing > 0n ? missing / cent + 1n : 1n;
    if (cents > centsMax) return;
    const paid = await this.#insist((hands, idempotencyKey) =>
      operations.topUp(this.#deps(hands), viewer, {
        idempotencyKey,
        accountId,
        amount: formatMicros(cents * cent, 2),
        currency: 'EUR',
      }),
    );
    if (!paid.ok) throw new Violation('PAYMENT_REFUSED', paid.message);
    this.#simulation.payments.push({ accountId, micros: cents * cent });
    this.#simulation.note('payment for light');
  }

  /** A fee that leaves nothing, or less. */
  async #charge(): Promise<void> {
    const { viewer, operations } = this.#simulation;
    const accountId = this.#random.pick(this.#accounts);
    const below = BigInt(this.#random.between(0, 300)) * cent;
    const micros = (await this.#balanceOf(accountId)) + below;
    if (micros <= 0n || micros > feeMicrosMax) return;
    const charged = await this.#insist((hands, idempotencyKey) =>
      operations.adjustBalance(this.#deps(hands), viewer, {
        idempotencyKey,
        accountId,
        amount: `-${formatMicros(micros, 6)}`,
        currency: 'EUR',
        reasonCode: 'fee',
        reason: 'a seal was broken',
      }),
    );
    if (!charged.ok) throw new Violation('FEE_REFUSED', charged.message);
    this.#simulation.payments.push({ accountId, micros: -micros });
    this.#simulation.note('fee');
  }

  /** What the workers do at each beat: decide, find what is due, and send it. */
  async #sweep(plan: CrashPlan): Promise<number> {
    const { clock, operations } = this.#simulation;
    const around = { clock, wake: () => {} };
    await this.#simulation.apart(plan, ({ writer }) =>
      operations.beginModes({ sql: writer, ...around }),
    );
    const decided = await this.#simulation.apart(plan, ({ writer }) =>
      operations.sweepSupplies({ sql: writer, ...around }),
    );
    await this.#simulation.apart(plan, ({ writer }) =>
      operations.watchSupplies({ sql: writer, ...around }),
    );
    const noted = await this.#simulation.apart(plan, ({ writer }) =>
      operations.noteIdleDays({ sql: writer, clock }),
    );
    if (noted !== null && noted.days > 0) this.#simulation.note('days without a standing charge');
    if (noted !== null) this.#idleSweptMs = this.#simulation.nowMs;
    const swept = await this.#simulation.apart(noCrash, ({ writer }) =>
      operations.sweepCommands({ sql: writer, ...around }),
    );
    for (const fault of swept?.faults ?? []) throw fault;
    const link = this.#breakers.link(async (target: SwitchTarget, on) => {
      refuseBreach(await this.#rules.findAtSending(target, on));
    });
    for (const { commandId } of swept?.due ?? []) {
      const sendPlan = plan === noCrash ? noCrash : drawCrash(this.#random);
      const sent = await this.#simulation.apart(sendPlan, ({ writer }) =>
        operations.sendCommand({ sql: writer, ...around, link }, commandId),
      );
      this.#simulation.note(sent === null ? 'command lost its sender' : `command ${sent.state}`);
    }
    return (decided?.requested.length ?? 1) + (swept?.due.length ?? 1);
  }

  /** Breakers answer at last, and what is paid for comes back within a few sweeps. */
  async settle(): Promise<void> {
    if (!this.#isOpen) return;
    this.#pass();
    await this.#protectAtLast();
    await this.#work(3);
    this.#breakers.isCalm = true;
    let sweptAtMs = this.#simulation.nowMs;
    for (let quiet = 0, round = 0; quiet < 3 && round < roundsMax; round += 1) {
      sweptAtMs = this.#simulation.nowMs;
      quiet = (await this.#sweep(noCrash)) === 0 ? quiet + 1 : 0;
      this.#simulation.nowMs += minuteMs + 1_000;
    }
    await this.#look();
    refuseBreach(await this.#rules.findAtRest(this.#breakers, sweptAtMs));
    this.#breakers.isCalm = false;
  }
}
