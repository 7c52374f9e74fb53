import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { parseAccountId, parseTariffId } from '../../src/domain/ids.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import { isShownTwice } from './auditedBill.ts';
import { audit } from './auditor.ts';
import type { AuditedBatch, AuditedVersion, Books } from './auditor.ts';
import { Delivery, isReceipt } from './delivery.ts';
import { noCrash } from './faults.ts';
import type { CrashPlan } from './faults.ts';
import { findBreaches, readBacklog, readBooked, readLogged, readQuarantine } from './invariants.ts';
import { Keys } from './keys.ts';
import { Office } from './office.ts';
import { sha256Hex } from './sender.ts';
import { Simulation, Violation, productionOperations } from './simulation.ts';
import type { Counts, Operations } from './simulation.ts';

const shards = [0, 1, 2, 3];
const quarterMs = 900_000;

type Published = { readonly tariff: string; readonly validFromMs: number; document: TariffText };

/** The workload: what happens next, and the audits. */
class Workload {
  readonly #simulation: Simulation;
  readonly #delivery: Delivery;
  readonly #office: Office;
  readonly #keys: Keys;
  readonly #published: Published[] = [];
  readonly #later: TariffText[];
  #isLateAgreementDeclared = false;
  #ratedLast = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#delivery = new Delivery(simulation);
    this.#office = new Office(simulation);
    this.#keys = new Keys(simulation, this.#delivery);
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
    if (draw < 26) {
      what = 'read';
      this.#simulation.advanceClock();
      for (const sender of this.#simulation.senders) {
        if (random.chance(0.7)) sender.read(this.#simulation.nowMs);
      }
    } else if (draw < 52) await this.#delivery.deliver(false);
    else if (draw < 70) {
      what = 'rate';
      await this.#rateSome();
    } else if (draw < 86) what = await this.#office.act(this.#delivery);
    else if (draw < 90) what = await this.#keys.act();
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
    await this.check();
    return what;
  }

  async check(): Promise<void> {
    const { admin } = this.#simulation;
    const [breach] = await findBreaches(admin);
    if (breach !== undefined) throw new Violation(breach.code, breach.detail);
    this.#delivery.compareLog(await readLogged(admin), this.#office.places);
  }

  async #rateSome(): Promise<void> {
    const { random } = this.#simulation;
    const visit = random.chance(0.5)
      ? () => this.#publish(false, noCrash)
      : () => this.#delivery.deliver(true);
    const atAwait = random.chance(0.3) ? random.between(1, 22) : Infinity;
    const shard = random.pick([0, 1, 3]);
    await this.#simulation.rate(shard, this.#simulation.crashPlan(), { atAwait, visit });
  }

  /** Until no shard finds anything: a bill of two shards' meters leaves the other one a duty. */
  async #rateAll(): Promise<void> {
    let quiet = 0;
    for (let round = 0; round < 2_000 && quiet < shards.length; round += 1) {
      const plan = this.#simulation.crashPlan(0.1);
      const shard = shards[this.#ratedLast % shards.length];
      const rated = await this.#simulation.rate(shard, plan);
      if (rated === null || rated.more) quiet = 0;
      if (rated?.more !== false) continue;
      quiet += 1;
      this.#ratedLast += 1;
    }
    if (quiet < shards.length) throw new Violation('RATING_NEVER_ENDS', `round after round`);
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
    await simulation.register({ ...simulation.fleet, tariffs }, plan);
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

  /** Everything answered and rated: then what is booked is what the auditor works out. */
  async audit(): Promise<void> {
    const simulation = this.#simulation;
    const { admin } = simulation;
    await this.#keys.registerAll();
    await this.#delivery.settle();
    await this.#rateAll();
    await this.check();
    const [left] = await readBacklog(admin);
    if (left !== undefined) throw new Violation(left.code, left.detail);
    this.#delivery.compareQuarantine(await readQuarantine(admin));
    const expected = audit(await this.#books());
    const booked = await readBooked(admin);
    if (simulation.world.isEven) {
      compare('CHARGE_WRONG', booked.charges, expected.charges);
      compare('UNRATED_WRONG', booked.unrated, expected.unrated);
      compare('BALANCE_WRONG', booked.balances, expected.balances);
    }
    simulation.counts.audits += 1;
  }

  /** The log alone, rated in its own order and without a crash, says the same. */
  async replay(given: { url: string; seed: number; template: string }): Promise<void> {
    const rate = async (job: Parameters<typeof rateJob>[0]) => rateJob(job);
    const outcome = await replayLog({
      ownerUrl: given.url,
      seed: `simulated ${given.seed}`,
      template: given.template,
      rate,
      onStep: () => {},
    });
    if (!outcome.ok) throw new Violation(outcome.code, outcome.message);
    const [first] = outcome.value.differences;
    if (first === undefined) return;
    throw new Violation(first.code, `${first.key} is ${first.stored}, replayed ${first.replayed}`);
  }

  async #books(): Promise<Books> {
    const simulation = this.#simulation;
    const { registered, fleet, world } = simulation;
    const logged = await readLogged(simulation.admin);
    const receivedAt = new Map(logged.map((row) => [row.carriedHash, row.receivedAtMs]));
    const batches = this.#delivery.sent.filter(isReceipt).map((batch): AuditedBatch => {
      const form = batch.forms.find((bytes) => receivedAt.has(sha256Hex(bytes)));
      const receivedAtMs = form === undefined ? undefined : receivedAt.get(sha256Hex(form));
      return { ...batch, receivedAtMs: receivedAtMs ?? Number.NaN };
    });
    return {
      batches: [...batches, ...this.#office.batches],
      meters: world.meters.map((meter) => ({
        meterId: registered.meters.get(meter.serial) ?? 0,
        edgeId: registered.edges.get(meter.edge.name)?.edgeId ?? 0,
        servicePoint: meter.servicePoint,
        zone: meter.zone,
        powerMaxW: meter.powerMaxW,
        modulusWh: meter.modulusWh,
        marks: this.#office.marksOf(registered.meters.get(meter.serial) ?? 0),
      })),
      agreements: fleet.agreements.map((agreement, index) => ({
        ...agreement,
        agreementId: registered.agreements[index],
        accountId: registered.accounts.get(agreement.account) ?? 0,
        tariffId: registered.tariffs.get(agreement.tariff) ?? 0,
      })),
      versions: await this.#versions(),
      accountIds: [...registered.accounts.values()],
      payments: simulation.payments,
      accruals: await this.#accruals(),
    };
  }

  /** Up to when time is charged is a fact of the clock, as is the instant of a receipt. */
  async #accruals(): Promise<ReadonlyMap<number, number>> {
    const rows = await this.#simulation.admin<{ id: number; until: Date }[]>`
      select agreement_id as id, accrued_until as until from accrual`;
    for (const { until } of rows) {
      if (until.getTime() <= this.#simulation.nowMs) continue;
      throw new Violation('TIME_CHARGED_AHEAD', until.toISOString());
    }
    return new Map(rows.map((row) => [row.id, row.until.getTime()]));
  }

  /** The ids of versions are the database's own; everything else is the journal's. */
  async #versions(): Promise<AuditedVersion[]> {
    const { admin, registered } = this.#simulation;
    const rows = await admin<{ id: number; tariff_id: number; valid_from: Date }[]>`
      select id, tariff_id, valid_from from tariff_version`;
    return this.#published.map(({ tariff, validFromMs, document }) => {
      const tariffId = registered.tariffs.get(tariff) ?? 0;
      const row = rows.find(
        (each) => each.tariff_id === tariffId && each.valid_from.getTime() === validFromMs,
      );
      if (row === undefined) throw new Violation('VERSION_LOST', `${tariff} from ${validFromMs}`);
      return { versionId: row.id, tariffId, validFromMs, tariff: document };
    });
  }
}

function compare(code: string, booked: Map<string, string>, expected: Map<string, string>): void {
  for (const key of new Set([...booked.keys(), ...expected.keys()])) {
    const [is, shouldBe] = [booked.get(key), expected.get(key)];
    if (is !== shouldBe) {
      throw new Violation(code, `${key} is ${is ?? 'absent'}, expected ${shouldBe ?? 'nothing'}`);
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
}): Promise<RunOutcome> {
  const operations = given.operations ?? productionOperations;
  const simulation = await Simulation.open({ ...given, operations });
  const { counts } = simulation;
  let step = 0;
  try {
    await simulation.begin();
    const workload = new Workload(simulation);
    const third = Math.ceil(given.steps / 3);
    for (step = 1; step <= given.steps; step += 1) {
      const what = await workload.step();
      given.onStep?.(step, what);
      if (step % third === 0 || step === given.steps) await workload.audit();
    }
    const { replayTemplate: template } = given;
    if (template !== undefined) await workload.replay({ ...given, template });
    return { ok: true, counts };
  } catch (error) {
    const code = error instanceof Violation ? error.code : 'UNEXPECTED_ERROR';
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ok: false, code, message, step, counts };
  } finally {
    await simulation.close();
  }
}
