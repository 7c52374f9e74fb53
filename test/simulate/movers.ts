import { formatMicros } from '../../src/domain/exact.ts';
import { parseAccountId, parseAgreementId } from '../../src/domain/ids.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import type { ChangeAccountInput } from '../../src/operations/prepaid/changeAccount.ts';
import type { Published } from './audits.ts';
import { drawCrash, noCrash } from './faults.ts';
import type { CrashPlan, Hands } from './faults.ts';
import { SeededRandom } from './seededRandom.ts';
import { Violation } from './simulation.ts';
import type { Simulation } from './simulation.ts';
import type { Tenancy } from './tenancies.ts';

const quarterMs = 900_000;
const dayMs = 86_400_000;
const cent = 10_000n;
/** A top-up is at most ten million. */
const centsMax = 999_000_000n;

type Asked = {
  readonly tenancy: Tenancy;
  readonly what: 'MODE' | 'ACCOUNT';
  readonly account: string;
  readonly mode: Tenancy['mode'];
  /** Null: the next quarter hour. */
  readonly atMs: number | null;
};

/** Whether a bill of it goes on from the one before, so that a change would cut it off. */
function isChained({ components }: TariffText): boolean {
  return components.some((component) => {
    if (component.kind === 'demand') return true;
    if (component.kind !== 'energy' || component.tiers === undefined) return false;
    return component.tiers.reset === 'month' || component.tiers.reset === 'year';
  });
}

/**
 * People who pay otherwise from some quarter hour on, and people who move out and in, by processes
 * that die. It has dice of its own.
 */
export class Movers {
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #published: readonly Published[];

  constructor(
    simulation: Simulation,
    given: { readonly seed: number; readonly published: readonly Published[] },
  ) {
    this.#simulation = simulation;
    this.#random = new SeededRandom(given.seed + 8_000_009);
    this.#published = given.published;
  }

  async act(): Promise<void> {
    if (!this.#random.chance(0.3)) return;
    const asked = this.#draw();
    if (asked === null) return;
    if (asked.mode === 'prepaid' && this.#random.chance(0.8)) await this.#pay(asked.account);
    await this.#change(asked);
  }

  #draw(): Asked | null {
    const random = this.#random;
    const { tenancies, nowMs, registered } = this.#simulation;
    const known = tenancies.filter((each) => (each.validToMs ?? Infinity) > nowMs);
    if (known.length === 0) return null;
    const tenancy = random.pick(known);
    const other = tenancy.mode === 'prepaid' ? ('postpaid' as const) : ('prepaid' as const);
    const quarter = Math.ceil(nowMs / quarterMs) * quarterMs;
    const laterMs = quarter + random.between(0, 96) * quarterMs;
    const oddMs = random.pick([quarter - quarterMs, laterMs + 60_000, nowMs + 400 * dayMs]);
    const draw = random.below(10);
    const atMs = draw < 5 ? null : draw < 9 ? laterMs : oddMs;
    if (random.chance(0.5)) {
      const mode = random.chance(0.9) ? other : tenancy.mode;
      return { tenancy, what: 'MODE', account: tenancy.account, mode, atMs };
    }
    const account = random.pick([...registered.accounts.keys()]);
    const mode = random.pick(['prepaid', 'prepaid', 'postpaid'] as const);
    return { tenancy, what: 'ACCOUNT', account, mode, atMs };
  }

  #accountId(number: string) {
    const id = parseAccountId(this.#simulation.registered.accounts.get(number));
    if (!id.ok) throw new Error(id.message);
    return id.value;
  }

  /** By the same key until there is an answer. */
  async #insist<T>(run: (hands: Hands) => Promise<T>): Promise<T> {
    const tried = (plan: CrashPlan) => this.#simulation.apart(plan, run);
    const answer = (await tried(drawCrash(this.#random))) ?? (await tried(noCrash));
    if (answer === null) throw new Error('what does not crash answers');
    return answer;
  }

  async #available(account: string): Promise<bigint> {
    const [row] = await this.#simulation.admin<{ micros: bigint }[]>`
      select balance_micros - reserved_micros as micros from account_balance
      where account_id = ${this.#accountId(account)}`;
    return row?.micros ?? 0n;
  }

  /** Who comes has paid first, as a rule. */
  async #pay(account: string): Promise<void> {
    const { viewer, clock, operations, payments } = this.#simulation;
    const missing = 5n * 100n * cent - (await this.#available(account));
    const cents = missing > 0n ? missing / cent + 1n : 0n;
    if (cents === 0n || cents > centsMax) return;
    const accountId = this.#accountId(account);
    const amount = formatMicros(cents * cent, 2);
    const input = { idempotencyKey: this.#random.uuid(), accountId, amount, currency: 'EUR' };
    const paid = await this.#insist(({ api }) =>
      operations.topUp({ sql: api, clock, wake: () => {} }, viewer, input),
    );
    if (!paid.ok) throw new Violation('PAYMENT_REFUSED', paid.message);
    payments.push({ accountId, micros: cents * cent });
  }

  /** Why it may not be, in the order in which it is looked at; null: it may. */
  async #refusal(asked: Asked, beginsMs: number): Promise<string | null> {
    const { tenancy, what, account, mode, atMs } = asked;
    const { nowMs, journal } = this.#simulation;
    if (atMs !== null && atMs < nowMs) return `${what}_CHANGE_IN_PAST`;
    if (beginsMs % quarterMs !== 0) return `${what}_CHANGE_OFF_GRID`;
    if (beginsMs > nowMs + 366 * dayMs) return `${what}_CHANGE_TOO_FAR`;
    const { validFromMs: fromMs, validToMs } = tenancy;
    const toMs = validToMs ?? Infinity;
    if (journal.isEnded(tenancy) && fromMs < beginsMs && beginsMs <= toMs) {
      return 'AGREEMENT_CHANGE_PLANNED';
    }
    if (beginsMs <= fromMs || beginsMs >= toMs) return 'AGREEMENT_NOT_IN_FORCE';
    if (what === 'ACCOUNT' && account === tenancy.account) return 'ACCOUNT_UNCHANGED';
    if (what === 'MODE') {
      if (mode === tenancy.mode) return 'MODE_UNCHANGED';
      const texts = this.#published.filter(({ tariff }) => tariff === tenancy.tariff);
      if (texts.some(({ document }) => isChained(document))) return 'MODE_CHANGE_CARRIES';
    }
    const isShort = (await this.#available(account)) <= tenancy.balanceLimitMicros;
    return mode === 'prepaid' && isShort ? 'BALANCE_AT_LIMIT' : null;
  }

  async #press(asked: Asked, idempotencyKey: string) {
    const { viewer, clock, operations } = this.#simulation;
    const { tenancy, what, account, mode, atMs } = asked;
    const agreementId = parseAgreementId(tenancy.agreementId);
    if (!agreementId.ok) throw new Error(agreementId.message);
    const input: ChangeAccountInput = {
      idempotencyKey,
      agreementId: agreementId.value,
      accountId: this.#accountId(account),
      mode,
      atMs,
      reason: 'asked for by letter',
    };
    const deps = { clock, wake: () => {} };
    return what === 'MODE'
      ? this.#insist(({ api: sql }) => operations.changeMode({ ...deps, sql }, viewer, input))
      : this.#insist(({ api: sql }) => operations.changeAccount({ ...deps, sql }, viewer, input));
  }

  async #change(asked: Asked): Promise<void> {
    const { tenancy, what, account, mode } = asked;
    const { nowMs, journal } = this.#simulation;
    const beginsMs = asked.atMs ?? Math.ceil(nowMs / quarterMs) * quarterMs;
    const refusal = await this.#refusal(asked, beginsMs);
    const key = this.#random.uuid();
    const changed = await this.#press(asked, key);
    const said = changed.ok ? null : changed.code;
    if (said !== refusal) {
      const detail = `agreement ${tenancy.agreementId}: ${said}, expected ${refusal}`;
      throw new Violation('CHANGE_ANSWERED_WRONG', detail);
    }
    if (!changed.ok) {
      this.#simulation.note(`change refused: ${changed.code}`);
      return;
    }
    const { endedId, nextId, atMs } = changed.value;
    if (endedId !== tenancy.agreementId || atMs !== beginsMs) {
      throw new Violation('CHANGE_ANSWERED_WRONG', `${endedId} at ${atMs}, not ${beginsMs}`);
    }
    journal.succeed(tenancy, { agreementId: nextId, account, mode, validFromMs: beginsMs });
    this.#simulation.note(what === 'MODE' ? `mode changed to ${mode}` : 'place passed on');
    if (!this.#random.chance(0.3)) return;
    const again = await this.#press(asked, key);
    const isSame = again.ok && again.value.isReplay && again.value.nextId === nextId;
    if (!isSame) throw new Violation('CHANGE_NOT_REPLAYED', key);
  }
}
