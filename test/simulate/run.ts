import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { parseAccountId, parseTariffId } from '../../src/domain/ids.ts';
import { isShownTwice } from './auditedBill.ts';
import type { Books } from './auditor.ts';
import { Audits } from './audits.ts';
import type { Published } from './audits.ts';
import { Delivery } from './delivery.ts';
import { noCrash } from './faults.ts';
import type { CrashPlan } from './faults.ts';
import { Fitters } from './fitters.ts';
import type { Admin } from './invariants.ts';
import { Keys } from './keys.ts';
import { Movers } from './movers.ts';
import { Office } from './office.ts';
import { QuarantineDesk } from './quarantineDesk.ts';
import { productionOperations } from './operations.ts';
import type { Operations } from './operations.ts';
import { Simulation, Violation } from './simulation.ts';
import type { Counts } from './simulation.ts';
import { SupplyDesk } from './supplyDesk.ts';
import { Till } from './till.ts';

const quarterMs = 900_000;

/** The workload: what happens next, and the audits. */
class Workload {
  readonly #simulation: Simulation;
  readonly #delivery: Delivery;
  readonly #office: Office;
  readonly #keys: Keys;
  readonly #fitters: Fitters;
  readonly #desk: QuarantineDesk;
  readonly #till: Till;
  readonly #supply: SupplyDesk;
  readonly #movers: Movers;
  readonly #published: Published[] = [];
  readonly #later: TariffText[];
  readonly audits: Audits;
  #isLateAgreementDeclared = false;

  constructor(simulation: Simulation, seed: number) {
    this.#simulation = simulation;
    this.#till = new Till(simulation, seed);
    this.#movers = new Movers(simulation, { seed, published: this.#published });
    this.#delivery = new Delivery(simulation);
    this.#office = new Office(simulation);
    this.#keys = new Keys(simulation, this.#delivery);
    this.#fitters = new Fitters(simulation, this.#office);
    const people = { office: this.#office, fitters: this.#fitters };
    this.#supply = new SupplyDesk(simulation, { seed, ...people });
    this.#desk = new QuarantineDesk(simulation, this.#delivery, this.#office);
    this.audits = new Audits(simulation, {
      delivery: this.#delivery,
      office: this.#office,
      keys: this.#keys,
      fitters: this.#fitters,
      desk: this.#desk,
      till: this.#till,
      supply: this.#supply,
      published: this.#published,
    });
    this.#later = [...simulation.world.laterTariffs];
    // The world's own documents are made by the generator of tariff texts.
    for (const { name, versions } of simulation.world.fleet.tariffs) {
      for (const { validFromMs, document } of versions) {
        const text = document as TariffText; // the fleet keeps documents as unknown JSON
        this.#published.push({ tariff: name, validFromMs, document: text });
      }
    }
  }

  async step(): Promise<string> {
    const { random } = this.#simulation;
    const draw = random.below(100);
    let what = 'deliver';
    if (draw < 25) {
      what = 'read';
      this.#simulation.advanceClock();
      for (const sender of this.#simulation.senders) {
        if (random.chance(0.7)) sender.read(this.#simulation.nowMs);
      }
    } else if (draw < 49) await this.#delivery.deliver(false);
    else if (draw < 65) {
      what = 'rate';
      await this.#rateSome();
    } else if (draw < 78) what = await this.#office.act(this.#delivery);
    else if (draw < 85) what = await this.#fitters.act();
    else if (draw < 88) what = await this.#desk.act();
    else if (draw < 91) what = await this.#keys.act();
    else if (draw < 95) {
      what = 'publish';
      await this.#publish(random.chance(0.5));
    } else if (draw < 96) {
      what = 'accrue';
      await this.#accrue();
    } else if (draw < 97) {
      what = 'agree';
      await this.#declareLateAgreement();
    } else {
      what = 'pay';
      await this.#pay();
    }
    await this.#till.act();
    await this.#movers.act();
    if (this.#supply.waitsInTheDark()) await this.audits.catchUp();
    await this.#supply.act();
    await this.audits.check();
    return what;
  }

  async #rateSome(): Promise<void> {
    const { random } = this.#simulation;
    const visit = random.pick([
      () => this.#publish(false, noCrash),
      () => this.#delivery.deliver(true),
      () => this.#delivery.deliver(true),
      () => this.#registerMeanwhile(),
    ]);
    const atAwait = random.chance(0.3) ? random.between(1, 22) : Infinity;
    const shard = random.pick([0, 1, 3]);
    await this.#simulation.rate(shard, this.#simulation.crashPlan(), { atAwait, visit });
  }

  async #registerMeanwhile(): Promise<void> {
    const done = await this.#fitters.register(noCrash);
    if (done === null) await this.#publish(false, noCrash);
    else this.#simulation.note('meter registered while rating');
  }

  /** A version for the past, for now or for later, by a person or by a longer declaration. */
  async #publish(byPerson: boolean, plan?: CrashPlan): Promise<void> {
    const simulation = this.#simulation;
    const { random } = simulation;
    const document = this.#later.pop();
    if (document === undefined) return;
    const tariff = random.pick(['first', 'second', 'late', 'late']);
    const nearMs = simulation.nowMs + random.between(-96 * 6, 96) * quarterMs;
    const validFromMs = Math.floor(nearMs / quarterMs) * quarterMs;
    const isTaken = this.#published.some(
      (each) => each.tariff === tariff && each.validFromMs === validFromMs,
    );
    const { meters } = simulation.world;
    if (isTaken || meters.some(({ zone }) => isShownTwice(zone, validFromMs))) return;
    simulation.counts.publications += 1;
    this.#published.push({ tariff, validFromMs, document });
    if (byPerson) {
      await this.#publishByPerson({ tariff, validFromMs, document });
      return;
    }
    const tariffs = simulation.fleet.tariffs.map((each) =>
      each.name === tariff
        ? { ...each, versions: [...each.versions, { validFromMs, document }] }
        : each,
    );
    await simulation.register({ ...simulation.fleet, tariffs }, { plan });
  }

  async #publishByPerson({ tariff, validFromMs, document }: Published): Promise<void> {
    const simulation = this.#simulation;
    const tariffId = parseTariffId(simulation.registered.tariffs.get(tariff));
    if (!tariffId.ok) throw new Error(tariffId.message);
    const idempotencyKey = simulation.random.uuid();
    const published = await simulation.insist(({ api }) =>
      simulation.operations.publishTariff(
        { sql: api, clock: simulation.clock, wake: () => {} },
        simulation.viewer,
        {
          idempotencyKey,
          tariffId: tariffId.value,
          validFromMs,
          document,
          backdatedReason: 'the simulator may',
        },
      ),
    );
    if (!published.ok) throw new Violation('PUBLICATION_REFUSED', published.message);
  }

  async #accrue(): Promise<void> {
    const simulation = this.#simulation;
    const { clock } = simulation;
    const accrued = await simulation.insist(({ writer }) =>
      simulation.operations.accrueTime({ sql: writer, clock }),
    );
    simulation.counts.accruals += accrued.agreements;
  }

  async #declareLateAgreement(): Promise<void> {
    if (this.#isLateAgreementDeclared) return;
    this.#isLateAgreementDeclared = true;
    const simulation = this.#simulation;
    const agreements = [...simulation.fleet.agreements, ...simulation.world.lateAgreements];
    await simulation.register({ ...simulation.fleet, agreements });
  }

  async #pay(): Promise<void> {
    const simulation = this.#simulation;
    const { random } = simulation;
    const accountId = parseAccountId(random.pick([...simulation.registered.accounts.values()]));
    if (!accountId.ok) throw new Error(accountId.message);
    const cents = random.between(1, 9_999);
    const amount = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
    const input = { idempotencyKey: random.uuid(), accountId: accountId.value, amount };
    const pay = () =>
      simulation.insist(({ api }) =>
        simulation.operations.topUp(
          { sql: api, clock: simulation.clock, wake: () => {} },
          simulation.viewer,
          { ...input, currency: 'EUR' },
        ),
      );
    simulation.payments.push({ accountId: accountId.value, micros: BigInt(cents) * 10_000n });
    simulation.counts.payments += 1;
    const paid = await pay();
    if (!paid.ok) throw new Violation('PAYMENT_REFUSED', paid.message);
    if (!random.chance(0.3)) return;
    const again = await pay();
    if (!again.ok || !again.value.isReplay || again.value.transferId !== paid.value.transferId) {
      throw new Violation('PAYMENT_NOT_REPLAYED', input.idempotencyKey);
    }
  }
}

export type RunOutcome =
  | { readonly ok: true; readonly counts: Counts }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly step: number;
      readonly counts: Counts;
    };

/** One seed on a migrated, empty database, with an audit at every third of the way. */
export async function simulate(given: {
  url: string;
  seed: number;
  steps: number;
  operations?: Operations;
  /** Also replay the log at the end, in a copy of this migrated, empty database. */
  replayTemplate?: string;
  onStep?: (step: number, what: string) => void;
  /** After all audits; checkers are tried on what is there. */
  inspect?: (world: { readonly admin: Admin; readonly books: Books }) => Promise<void>;
}): Promise<RunOutcome> {
  const operations = given.operations ?? productionOperations;
  const simulation = await Simulation.open({ ...given, operations });
  const { counts } = simulation;
  let step = 0;
  try {
    await simulation.begin();
    const workload = new Workload(simulation, given.seed);
    const third = Math.ceil(given.steps / 3);
    for (step = 1; step <= given.steps; step += 1) {
      const what = await workload.step();
      given.onStep?.(step, what);
      const isLast = step === given.steps;
      if (step % third === 0 || isLast) await workload.audits.audit(isLast);
    }
    const { replayTemplate: template } = given;
    if (template !== undefined) await workload.audits.replay({ ...given, template });
    await given.inspect?.({ admin: simulation.admin, books: workload.audits.books });
    return { ok: true, counts };
  } catch (error) {
    const code = error instanceof Violation ? error.code : 'UNEXPECTED_ERROR';
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ok: false, code, message, step, counts };
  } finally {
    await simulation.close();
  }
}
