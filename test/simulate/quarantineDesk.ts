import type { AuditedRow } from './auditedSeries.ts';
import type { Delivery } from './delivery.ts';
import type { Breach } from './invariants.ts';
import type { Office } from './office.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';

type Row = Omit<AuditedRow, 'channel' | 'unit' | 'scaler' | 'row' | 'clockOffsetMs'>;
/** What an operator sees of a refused batch that nobody has decided about. */
type Open = { readonly hash: string; readonly code: string; readonly isOurs: boolean };

const qualities = ['ACTUAL', 'CALCULATED', 'ESTIMATED'] as const;

/** Operators decide about what was refused: corrected by hand, or left out for good. */
export class QuarantineDesk {
  readonly #simulation: Simulation;
  readonly #delivery: Delivery;
  readonly #office: Office;
  /** `hash code` of what was decided here, and how. */
  readonly #decided = new Map<string, 'corrected' | 'dismissed'>();

  constructor(simulation: Simulation, delivery: Delivery, office: Office) {
    this.#simulation = simulation;
    this.#delivery = delivery;
    this.#office = office;
  }

  async act(): Promise<string> {
    const { random } = this.#simulation;
    const open = await this.#open();
    const done =
      open.length === 0
        ? 'nothing in quarantine'
        : await this.#decide(random.pick(open), random.chance(0.7) ? 'corrected' : 'dismissed');
    this.#simulation.note(done);
    return done;
  }

  async #open(): Promise<readonly Open[]> {
    const { admin, keys } = this.#simulation;
    const rows = await admin<{ hash: string; code: string; companyId: number | null }[]>`
      select encode(q.hash, 'hex') as hash, q.code, q.company_id as "companyId"
      from batch_quarantine q
      where not exists (select from quarantine_resolution r
                        where r.hash = q.hash and r.code = q.code)
      order by q.hash, q.code`;
    return rows.map(({ hash, code, companyId }) => {
      const batch = this.#delivery.waitingForKey.get(hash);
      const isClaimed = batch !== undefined && !keys.has(batch.keyId);
      return { hash, code, isOurs: companyId !== null || isClaimed };
    });
  }

  /** Readings of one meter, as somebody reads them off a display. */
  #rows(): readonly Row[] {
    const simulation = this.#simulation;
    const { random, world, nowMs } = simulation;
    const known = simulation.meters.filter((each) => simulation.isRegistered(each));
    const meter = random.pick(known);
    const count = random.between(1, 3);
    const instants = new Set(
      Array.from({ length: count }, () => random.between(world.startMs, nowMs)),
    );
    return [...instants].map((atMs) => ({
      meterId: simulation.idOf(meter),
      atMs,
      value: this.#office.shown(meter, atMs),
      quality: random.below(3),
      revision: 0,
    }));
  }

  #correct({ hash, code }: Open, rows: readonly Row[], idempotencyKey: string) {
    const simulation = this.#simulation;
    const readings = rows.map(({ meterId, atMs, value, quality }) => {
      return { meterId, channel: 1, atMs, value, quality: qualities[quality] };
    });
    const input = { idempotencyKey, key: `${hash}.${code}`, reason: 'as it stood on the display' };
    return simulation.insist((sql) =>
      simulation.operations.correctQuarantined(simulation.officeDeps(sql), simulation.viewer, {
        ...input,
        readings,
      }),
    );
  }

  #dismiss({ hash, code }: Open, idempotencyKey: string) {
    const simulation = this.#simulation;
    const input = { idempotencyKey, key: `${hash}.${code}`, reason: 'nobody needs it' };
    return simulation.insist((sql) =>
      simulation.operations.dismissQuarantined(
        simulation.officeDeps(sql),
        simulation.viewer,
        input,
      ),
    );
  }

  async #decide(open: Open, as: 'corrected' | 'dismissed'): Promise<string> {
    const { random } = this.#simulation;
    const name = `${open.hash} ${open.code}`;
    const rows = this.#rows();
    const key = random.uuid();
    const done =
      as === 'corrected' ? await this.#correct(open, rows, key) : await this.#dismiss(open, key);
    if (!done.ok) {
      // Nobody's, unless its bytes name a key of ours after all.
      if (done.code === 'QUARANTINE_NOT_FOUND' && !open.isOurs) return 'quarantined by nobody';
      throw new Violation('DECISION_REFUSED', `${name}: ${done.code} ${done.message}`);
    }
    this.#decided.set(name, as);
    this.#delivery.waitingForKey.delete(open.hash);
    if ('batches' in done.value) this.#office.keep(done.value, rows);
    await this.#pressAgain(open, { rows, key, as });
    return `quarantine ${as}`;
  }

  /** The same press again is the same decision; a further one comes too late, whatever it is. */
  async #pressAgain(
    open: Open,
    { rows, key, as }: { rows: readonly Row[]; key: string; as: 'corrected' | 'dismissed' },
  ): Promise<void> {
    const { random } = this.#simulation;
    if (random.chance(0.5)) {
      const again =
        as === 'corrected' ? await this.#correct(open, rows, key) : await this.#dismiss(open, key);
      if (!again.ok || !again.value.isReplay) throw new Violation('DECIDED_AGAIN', open.hash);
    }
    if (random.chance(0.5)) {
      const late = random.chance(0.7)
        ? await this.#correct(open, this.#rows(), random.uuid())
        : await this.#dismiss(open, random.uuid());
      const isRefused = !late.ok && late.code === 'QUARANTINE_RESOLVED';
      if (!isRefused) throw new Violation('DECIDED_TWICE', `${open.hash} ${open.code}`);
    }
  }

  /** What was decided stands there, once, and nothing else but what was taken in as it came. */
  async compare(): Promise<Breach | null> {
    const rows = await this.#simulation.admin<{ name: string; kind: string }[]>`
      select encode(hash, 'hex') || ' ' || code as name, kind
      from quarantine_resolution where kind <> 'replayed'`;
    const stored = new Map(rows.map(({ name, kind }) => [name, kind]));
    for (const [name, kind] of new Map([...stored, ...this.#decided])) {
      const [is, shouldBe] = [stored.get(name), this.#decided.get(name)];
      if (is === shouldBe) continue;
      const detail = `${name} ${kind}: ${is ?? 'undecided'}, decided as ${shouldBe ?? 'nothing'}`;
      return { code: 'DECISION_LOST', detail };
    }
    return null;
  }
}
