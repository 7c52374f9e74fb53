import type postgres from 'postgres';
import { assert } from '../domain/assert.ts';

type Client = postgres.Sql<{ bigint: bigint }>;
type Tx = postgres.TransactionSql<{ bigint: bigint }>;
type Work = (tx: Tx) => unknown;

/** Settles never: what waits for it is forgotten together with the connection. */
function forgotten(): Promise<never> {
  return new Promise(() => {});
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** One transaction, from BEGIN until it is settled or its connection is lost. */
class Life {
  #loss: Error | null = null;
  readonly #lost: Promise<never>;
  #tell: (loss: Error) => void = () => {};

  constructor() {
    this.#lost = new Promise((_, reject) => {
      this.#tell = reject;
    });
    this.#lost.catch(() => {});
  }

  /** Nothing more is sent for this transaction. */
  end(reason: unknown): void {
    if (this.#loss !== null) return;
    this.#loss = reason instanceof Error ? reason : new Error(String(reason));
    this.#tell(this.#loss);
  }

  /** Does the work of a transaction or savepoint; its end is told only while it can be sent. */
  async within(tx: Tx, work: Work): Promise<unknown> {
    try {
      const result = await work(this.#guard(tx));
      return this.#loss === null ? result : await forgotten();
    } catch (error) {
      if (this.#loss !== null) return forgotten();
      throw error;
    }
  }

  #guard(tx: Tx): Tx {
    return new Proxy(tx, {
      apply: (target, self, args) => this.#armed(Reflect.apply(target, self, args)),
      get: (target, name) => {
        if (name === 'savepoint') return this.#savepoint(target);
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => this.#armed(Reflect.apply(member, target, args));
      },
    });
  }

  /** A statement is sent when it is awaited, which may be after the loss. */
  #armed(made: unknown): unknown {
    const send: unknown = made instanceof Promise ? Reflect.get(made, 'handler') : null;
    if (!isObject(made) || typeof send !== 'function') return made;
    const refuse = (loss: Error): void => {
      const reject: unknown = Reflect.get(made, 'reject');
      assert(typeof reject === 'function', 'a query of postgres.js is rejected by its own method');
      Reflect.apply(reject, made, [loss]);
    };
    Reflect.set(made, 'handler', (query: unknown) => {
      if (this.#loss !== null) return refuse(this.#loss);
      // It may wait behind another statement, where postgres.js forgets it.
      this.#lost.catch(refuse);
      Reflect.apply(send, undefined, [query]);
    });
    return made;
  }

  #savepoint(tx: Tx) {
    return (...args: readonly [Work] | readonly [string, Work]): Promise<unknown> => {
      if (this.#loss !== null) return Promise.reject(this.#loss);
      const within = (work: Work) => (inner: Tx) => this.within(inner, work);
      const saved =
        args.length === 1 ? tx.savepoint(within(args[0])) : tx.savepoint(args[0], within(args[1]));
      return Promise.race([saved, this.#lost]);
    };
  }
}

/**
 * Makes `begin` survive a connection lost inside the transaction. postgres.js then sends the
 * ROLLBACK, COMMIT or next statement to a socket that is null, in a setImmediate that nobody can
 * catch, and the process dies (porsager/postgres, 1154 and 1208); or, when the connection has been
 * made anew meanwhile, into somebody else's transaction. Here the caller gets the loss as the
 * rejection that postgres.js gives anyway, and nothing more is sent: further statements are
 * refused, and the inside of the transaction is left unsettled. Postgres has rolled it back, unless
 * the COMMIT was on its way (`beginSurely`).
 */
export function makeBeginLossProof(sql: Client): void {
  const begin: (work: Work) => Promise<unknown> = sql.begin.bind(sql);
  const unsafe: unknown = sql.unsafe;
  assert(typeof unsafe === 'function', 'postgres.js sends BEGIN by its own unsafe()');
  /** By the number that postgres.js gives a connection. */
  const lives = new Map<unknown, Life>();
  let beginning: Life | null = null;

  // BEGIN is the one statement with onexecute, which is called with the connection it is sent on.
  const watched = (...args: unknown[]): unknown => {
    const [text, parameters, options] = args;
    const life = beginning;
    const onexecute: unknown = isObject(options) ? Reflect.get(options, 'onexecute') : null;
    if (life === null || typeof onexecute !== 'function') return Reflect.apply(unsafe, sql, args);
    const noted = (connection: object): unknown => {
      lives.set(Reflect.get(connection, 'id'), life);
      return Reflect.apply(onexecute, undefined, [connection]);
    };
    return Reflect.apply(unsafe, sql, [text, parameters, { onexecute: noted }]);
  };

  const lossProof = (work: Work): Promise<unknown> => {
    const life = new Life();
    beginning = life;
    const outer = begin((tx) => life.within(tx, work));
    beginning = null;
    const forget = (): void => {
      for (const [id, each] of lives) if (each === life) lives.delete(id);
    };
    outer.then(forget, (error: unknown) => {
      life.end(error);
      forget();
    });
    return outer;
  };

  /** Called while the socket closes, before anything that waits for a statement goes on. */
  const onclose = (id: unknown): void => {
    const loss = new Error(
      'CONNECTION_CLOSED: the connection was lost. Postgres has rolled the transaction back, ' +
        'unless it was in its COMMIT: then ask whether it is there before you begin it again.',
    );
    lives.get(id)?.end(Object.assign(loss, { code: 'CONNECTION_CLOSED' }));
  };
  // begin() and unsafe() are overloaded with options that no statement of ours uses.
  Object.assign(sql, { begin: lossProof, unsafe: watched });
  Object.assign(sql.options, { onclose });
}
