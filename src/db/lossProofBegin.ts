import type postgres from 'postgres';

type Client = postgres.Sql<{ bigint: bigint }>;
type Work = (tx: postgres.TransactionSql<{ bigint: bigint }>) => unknown;

/**
 * Told by postgres.js (CONNECTION_CLOSED and others), by a server that ends (class 57P), or by one
 * that has waited too long for the next statement (25P03).
 */
function isConnectionLoss(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    /^(?:CONNECTION_|57P|25P03)/.test(String(error.code))
  );
}

/** Settles never: what waits for it is forgotten together with the connection. */
function forgotten(): Promise<never> {
  return new Promise(() => {});
}

/**
 * Makes `begin` survive a connection lost inside the transaction. postgres.js then sends the
 * ROLLBACK, COMMIT or next statement to a socket that is null, in a setImmediate that nobody can
 * catch, and the process dies (porsager/postgres, 1154 and 1208). Here the caller gets the loss as
 * the rejection that postgres.js gives anyway, and nothing more is sent: further statements are
 * refused, and the inside of the transaction is left unsettled. Postgres has rolled it back.
 */
export function makeBeginLossProof(sql: Client): void {
  const begin: (work: Work) => Promise<unknown> = sql.begin.bind(sql);
  const lossProof = (work: Work): Promise<unknown> => {
    let loss: Error | null = null;
    const outer = begin(async (tx) => {
      const guarded = new Proxy(tx, {
        apply(target, self, args) {
          if (loss !== null) throw loss;
          return Reflect.apply(target, self, args);
        },
      });
      try {
        const result = await work(guarded);
        return loss === null ? result : await forgotten();
      } catch (error) {
        if (loss !== null || isConnectionLoss(error)) return forgotten();
        throw error;
      }
    });
    outer.catch((error: unknown) => {
      loss = error instanceof Error ? error : new Error(String(error));
    });
    return outer;
  };
  // begin() is overloaded with options that no statement of ours uses.
  Object.assign(sql, { begin: lossProof });
}
