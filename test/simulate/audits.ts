import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { reconcileIn } from '../../src/operations/reconcile/reconcile.ts';
import { replayLog } from '../../src/operations/replayLog.ts';
import type { Batch } from '../../src/wire/batch.ts';
import { audit } from './auditor.ts';
import type { AuditedBatch, AuditedOutage } from './auditedSeries.ts';
import type { AuditedVersion, Books } from './auditor.ts';
import { examineStep } from './doctor.ts';
import type { Delivery } from './delivery.ts';
import type { Fitters } from './fitters.ts';
import { findEarlyBreach, findHeldBreach, readTaken } from './heldRows.ts';
import { readIdleDays } from './idleRules.ts';
import {
  findBreaches,
  findQuietBreaches,
  readBacklog,
  readBooked,
  readLogged,
  readPosted,
  readQuarantine,
} from './invariants.ts';
import type { Breach } from './invariants.ts';
import type { Keys } from './keys.ts';
import type { Office } from './office.ts';
import type { QuarantineDesk } from './quarantineDesk.ts';
import { isReceipt } from './receiptWords.ts';
import { sha256Hex } from './sender.ts';
import { findSeriesBreach, findUnreadCharge } from './seriesChecks.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import type { SupplyDesk } from './supplyDesk.ts';
import type { Till } from './till.ts';

export type Published = {
  readonly tariff: string;
  readonly validFromMs: number;
  document: TariffText;
};

type Audited = {
  readonly delivery: Delivery;
  readonly office: Office;
  readonly keys: Keys;
  readonly fitters: Fitters;
  readonly desk: QuarantineDesk;
  readonly till: Till;
  readonly supply: SupplyDesk;
  readonly published: readonly Published[];
};

const shards = [0, 1, 2, 3];
const dayMs = 86_400_000;

function refuseBreach(breach: Breach | null | undefined): void {
  if (breach !== null && breach !== undefined) throw new Violation(breach.code, breach.detail);
}

function outagesIn(events: Batch['events']): readonly AuditedOutage[] {
  if (events === undefined) return [];
  const { meterId, fromMs, toMs } = events;
  return [...meterId].map((id, at) => ({ meterId: id, fromMs: fromMs[at], toMs: toMs[at] }));
}

/** What is looked at after each step, and what when everything is answered and rated. */
export class Audits {
  readonly #simulation: Simulation;
  readonly #of: Audited;
  #ratedLast = 0;
  #audited: Books | null = null;

  constructor(simulation: Simulation, of: Audited) {
    this.#simulation = simulation;
    this.#of = of;
  }

  /** As of the last audit. */
  get books(): Books {
    if (this.#audited === null) throw new Error('nothing was audited yet');
    return this.#audited;
  }

  async check(): Promise<void> {
    const { admin } = this.#simulation;
    const [breach] = await findBreaches(admin);
    refuseBreach(breach);
    const [wrong] = await examineStep(admin, this.#simulation.nowMs);
    refuseBreach(wrong);
    this.#of.delivery.compareLog(await readLogged(admin), this.#of.office.places);
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

  /** Meters are read, and all that waits is told and rated, as in quiet hours. */
  async catchUp(): Promise<void> {
    const { senders, nowMs } = this.#simulation;
    for (const sender of senders) sender.read(nowMs);
    await this.#of.keys.registerAll();
    await this.#of.delivery.settle();
    await this.#rateAll();
  }

  /** Everything answered and rated: then what is booked is what the auditor works out. */
  async audit(isLast: boolean): Promise<void> {
    const simulation = this.#simulation;
    const { delivery, keys, fitters, supply, till } = this.#of;
    await till.settle();
    await keys.registerAll();
    await delivery.settle();
    refuseBreach(delivery.words.findBreach(delivery.sent));
    await this.#rateAll();
    await supply.settle();
    // Days in the dark were noted there.
    await this.#rateAll();
    if (isLast) {
      await fitters.retry(null);
      await this.#rateAll();
    }
    await this.check();
    await this.#compareBooks(isLast);
    if (isLast) {
      await this.#reconcile();
      await this.#rateAgain();
    }
    simulation.counts.audits += 1;
  }

  async #compareBooks(isLast: boolean): Promise<void> {
    const { admin, world, nowMs, counts } = this.#simulation;
    const [left] = await readBacklog(admin);
    refuseBreach(left);
    const [wrong] = await findQuietBreaches(admin);
    refuseBreach(wrong);
    this.#of.delivery.compareQuarantine(await readQuarantine(admin));
    refuseBreach(await this.#of.desk.compare());
    const taken = await readTaken(admin);
    const books = await this.#books(new Set(taken.keys()));
    const booked = await readBooked(admin);
    this.#audited = books;
    if (world.isEven) {
      const expected = audit(books);
      compare('CHARGE_WRONG', booked.charges, expected.charges);
      compare('UNRATED_WRONG', booked.unrated, expected.unrated);
      compare('BALANCE_WRONG', booked.balances, expected.balances);
    }
    refuseBreach(await findHeldBreach(admin, books));
    refuseBreach(findEarlyBreach(books, taken, isLast ? nowMs : null));
    const { breach, darkSlots } = await findSeriesBreach(admin, books);
    refuseBreach(breach);
    refuseBreach(findUnreadCharge(books, booked.charges));
    if (darkSlots > 0) counts.acts['outage in a silence'] = darkSlots;
  }

  /** The production's own job finds nothing that nothing explains. */
  async #reconcile(): Promise<void> {
    const { admin, world, registered, nowMs } = this.#simulation;
    const window = {
      companyId: registered.companyId,
      meterId: null,
      fromMs: Math.max(world.startMs - 2 * dayMs, nowMs - 80 * dayMs),
      toMs: nowMs + 10 * dayMs,
      nowMs,
    };
    const done = await admin.begin((tx) =>
      reconcileIn(tx, window, { meterDaysMax: null, onStep: () => {} }),
    );
    if (!done.ok) throw new Violation(done.code, done.message);
    const [finding] = done.value.findings;
    if (finding === undefined) return;
    throw new Violation(`RECONCILED_${finding.code}`, `${finding.subject}: ${finding.message}`);
  }

  /** All of it rated once more posts nothing. */
  async #rateAgain(): Promise<void> {
    const { admin } = this.#simulation;
    const before = await readPosted(admin);
    await admin`
      insert into rerate_duty (company_id, meter_id, from_day, reason)
      select company_id, meter_id, 0, 'register_marked' from series_head where channel = 1
      order by meter_id`;
    await this.#rateAll();
    const after = await readPosted(admin);
    if (before !== after) throw new Violation('RERATING_POSTED', `${before}, then ${after}`);
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

  async #books(taken: ReadonlySet<string>): Promise<Books> {
    const simulation = this.#simulation;
    const { registered } = simulation;
    const known = simulation.meters.filter((each) => simulation.isRegistered(each));
    const logged = await readLogged(simulation.admin);
    const receivedAt = new Map(logged.map((row) => [row.carriedHash, row.receivedAtMs]));
    const batches = this.#of.delivery.sent.filter(isReceipt).map((batch): AuditedBatch => {
      const form = batch.forms.find((bytes) => receivedAt.has(sha256Hex(bytes)));
      const receivedAtMs = form === undefined ? undefined : receivedAt.get(sha256Hex(form));
      const outages = outagesIn(batch.content.events);
      return { ...batch, receivedAtMs: receivedAtMs ?? Number.NaN, outages };
    });
    return {
      batches: [...batches, ...this.#of.office.batches],
      taken,
      meters: known.map((meter) => ({
        meterId: simulation.idOf(meter),
        edgeId: registered.edges.get(meter.edge.name)?.edgeId ?? 0,
        servicePoint: meter.servicePoint,
        zone: meter.zone,
        powerMaxW: meter.powerMaxW,
        modulusWh: meter.modulusWh,
        marks: this.#of.office.marksOf(simulation.idOf(meter)),
      })),
      agreements: simulation.tenancies.map((tenancy) => ({
        ...tenancy,
        accountId: registered.accounts.get(tenancy.account) ?? 0,
        tariffId: registered.tariffs.get(tenancy.tariff) ?? 0,
      })),
      versions: await this.#versions(),
      accountIds: [...registered.accounts.values()],
      payments: simulation.payments,
      accruals: await this.#accruals(),
      idle: await readIdleDays(simulation),
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
    return this.#of.published.map(({ tariff, validFromMs, document }) => {
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
