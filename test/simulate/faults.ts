import { Writable } from 'node:stream';
import type { Sql, Transaction } from '../../src/db/connect.ts';
import type { SeededRandom } from './seededRandom.ts';

/** The process is gone: nothing after it in the operation happens. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash';
}

export type CrashPlan = {
  /** The how manieth await of the operation does not come back; Infinity for none. */
  readonly atAwait: number;
  /** All is written, and the commit is not sent any more. */
  readonly isBeforeCommit: boolean;
  /** The server ends the connection, instead of hearing a rollback. */
  readonly cutsConnection: boolean;
};

/** At this await something else happens first, from another process. */
type Guest = { readonly atAwait: number; readonly visit: (() => Promise<void>) | null };

/**
 * Counts the awaits of one operation on its database and breaks at the planned one. A dead process
 * does nothing more, so every later await breaks too.
 */
export class Fuse {
  readonly plan: CrashPlan;
  awaits = 0;
  isBurnt = false;
  /** It broke between a commit and the word of it. */
  isCommitted = false;
  isCut = false;
  readonly #guest: Guest;

  constructor(plan: CrashPlan, guest: Guest = { atAwait: Infinity, visit: null }) {
    this.plan = plan;
    this.#guest = guest;
  }

  async pass(cut?: () => Promise<void>): Promise<void> {
    this.awaits += 1;
    if (!this.isBurnt && this.awaits === this.#guest.atAwait) await this.#guest.visit?.();
    if (!this.isBurnt && this.awaits < this.plan.atAwait) return;
    await this.#break(cut);
  }

  /** At the end of a transaction's work. */
  async passCommit(cut: () => Promise<void>): Promise<void> {
    if (this.isBurnt || this.plan.isBeforeCommit) await this.#break(cut);
  }

  async #break(cut?: () => Promise<void>): Promise<never> {
    if (!this.isBurnt) {
      this.isBurnt = true;
      if (this.plan.cutsConnection && cut !== undefined) {
        this.isCut = true;
        await cut();
      }
    }
    throw new SimulatedCrash(`at await ${this.awaits}`);
  }
}

export const noCrash: CrashPlan = {
  atAwait: Infinity,
  isBeforeCommit: false,
  cutsConnection: false,
};

/** Sometimes at none, sometimes at any await that a short operation may have. */
export function drawCrash(random: SeededRandom): CrashPlan {
  if (!random.chance(0.4)) return noCrash;
  const isBeforeCommit = random.chance(0.25);
  const atAwait = isBeforeCommit ? Infinity : random.between(1, random.pick([12, 26]));
  return { atAwait, isBeforeCommit, cutsConnection: random.chance(0.15) };
}

/** The clients of one process. */
export type Hands = { readonly writer: Sql; readonly api: Sql };

function isStatement(args: readonly unknown[]): boolean {
  const [first] = args;
  return Array.isArray(first) && 'raw' in first;
}

/** `isInCopy`: the connection is busy, so nobody can be asked for its process. */
type Pass = (isInCopy?: boolean) => Promise<void>;

/** A statement that the fuse lets pass first, also where it opens a COPY. */
function brittleQuery<Query extends object>(query: Query, pass: Pass): Query {
  return new Proxy(query, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      if (name === 'then') {
        return async (
          resolve: (value: unknown) => unknown,
          reject: (error: unknown) => unknown,
        ) => {
          try {
            await pass();
          } catch (error) {
            return reject(error);
          }
          return Reflect.apply(member, target, [resolve, reject]);
        };
      }
      if (name === 'writable') return () => openCopy(target, member, pass);
      return member.bind(target);
    },
  });
}

async function openCopy(query: object, writable: Function, pass: Pass): Promise<unknown> {
  await pass();
  const stream: unknown = await Reflect.apply(writable, query, []);
  try {
    await pass(true);
  } catch (error) {
    // The rows stay half sent: the server hears that the COPY failed.
    if (stream instanceof Writable) stream.destroy();
    throw error;
  }
  return stream;
}

type Diverted = {
  readonly text: string;
  /** As it was meant. */
  run(): unknown;
  /** On another client: outside the transaction. */
  runOn(client: Sql): unknown;
  /** Otherwise than it was meant. */
  runAs(change: (text: string) => string): unknown;
};
type Divert = (statement: Diverted) => unknown;

/** With other arguments than the caller's, if any are given. */
type Run = (args?: readonly unknown[]) => unknown;
type Callable = (...args: never[]) => unknown;

function wrapCallable<Client extends Callable>(
  client: Client,
  on: { statement(run: Run, args: readonly unknown[]): unknown; member: ProxyMember },
): Client {
  return new Proxy(client, {
    apply(target, self, args: unknown[]) {
      const run: Run = (as = args) => Reflect.apply(target, self, as);
      return isStatement(args) ? on.statement(run, args) : run();
    },
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      return on.member(name, member, target);
    },
  });
}

type ProxyMember = (name: string | symbol, member: unknown, target: object) => unknown;

function endOf(tx: Transaction, cut: (pid: number) => Promise<void>): () => Promise<void> {
  return async () => {
    const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await cut(row?.pid ?? 0);
  };
}

function brittleTransaction(tx: Transaction, fuse: Fuse, end: () => Promise<void>) {
  // Statements that are sent together stay in their order, as on the wire, also where one waits.
  let last: Promise<void> = Promise.resolve();
  const passInTurn: Pass = (isInCopy) => {
    const passed = last.then(() => fuse.pass(isInCopy === true ? undefined : end));
    last = passed.catch(() => {});
    return passed;
  };
  return wrapCallable(tx, {
    statement: (run) => brittleAnswer(run(), passInTurn),
    member: (_, member) => member,
  });
}

function brittleAnswer(answer: unknown, pass: Pass): unknown {
  return typeof answer === 'object' && answer !== null ? brittleQuery(answer, pass) : answer;
}

/**
 * The client as a process sees it that may die at any await: before each statement, inside a COPY,
 * before the commit, and after it before anybody hears of it.
 */
export function brittleSql(sql: Sql, fuse: Fuse, cut: (pid: number) => Promise<void>): Sql {
  return wrapCallable(sql, {
    statement: (run) => brittleAnswer(run(), () => fuse.pass()),
    member: (name, member, target) => {
      if (name !== 'begin' || typeof member !== 'function') return member;
      return async (work: (tx: Transaction) => Promise<unknown>) => {
        await fuse.pass();
        const inside = async (tx: Transaction): Promise<unknown> => {
          const end = endOf(tx, cut);
          try {
            const result = await work(brittleTransaction(tx, fuse, end));
            await fuse.passCommit(end);
            return result;
          } catch (error) {
            // A rollback on the dead connection would end this process (postgres.js 3.4.9 writes to
            // a null socket); begin() rejects by itself as soon as it hears of the end.
            if (fuse.isCut) return new Promise(() => {});
            throw error;
          }
        };
        const done: unknown = await Reflect.apply(member, target, [inside]);
        const wasBurnt = fuse.isBurnt;
        try {
          await fuse.pass();
        } catch (error) {
          fuse.isCommitted = !wasBurnt;
          throw error;
        }
        return done;
      };
    },
  });
}

function textOf(args: readonly unknown[]): string {
  const [parts] = args;
  return Array.isArray(parts) ? parts.join('?') : '';
}

function changedArgs(args: readonly unknown[], change: (text: string) => string) {
  const [parts, ...values] = args;
  const texts = Array.isArray(parts) ? parts.map((part) => change(String(part))) : [];
  return [Object.assign(texts, { raw: texts }), ...values];
}

/** A client some of whose statements somebody else answers: planted faults are made of it. */
export function divertedSql(sql: Sql, divert: Divert): Sql {
  const statement = (run: Run, args: readonly unknown[]): unknown =>
    divert({
      text: textOf(args),
      run: () => run(),
      runOn: (client) => Reflect.apply(client, undefined, args),
      runAs: (change) => run(changedArgs(args, change)),
    });
  return wrapCallable(sql, {
    statement,
    member: (name, member, target) => {
      if (name !== 'begin' || typeof member !== 'function') return member;
      return (work: (tx: Transaction) => Promise<unknown>) => {
        const inside = (tx: Transaction): Promise<unknown> =>
          work(wrapCallable(tx, { statement, member: (_, inner) => inner }));
        return Reflect.apply(member, target, [inside]);
      };
    },
  });
}
