import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database, Transaction } from '../../src/db/connect.ts';
import { LastWords } from '../../src/db/lastWords.ts';
import { freshDatabase } from '../support/postgres.ts';

let url: string;
let database: Database;
let admin: postgres.Sql;
beforeAll(async () => {
  ({ url } = await freshDatabase('connection_loss'));
  database = await connect(url, { role: 'joulebook_writer', connectionsMax: 2, name: 'loss' });
  admin = postgres(url, { max: 1 });
});
afterAll(async () => {
  await admin.end();
  await database.close();
});

async function backendOf(tx: Transaction): Promise<number> {
  const [row] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`;
  return row.pid;
}

async function terminate(pid: number): Promise<void> {
  await admin`select pg_terminate_backend(${pid})`;
  await expect
    .poll(async () => (await admin`select from pg_stat_activity where pid = ${pid}`).length)
    .toBe(0);
}

/** Whatever postgres.js does in a setImmediate after a loss has been done when this resolves. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** In the server's words, when they came before the end; else in those of postgres.js. */
const told = /terminating connection|CONNECTION_CLOSED/;
/** Or in those of the kernel, when something was sent to a server that had gone. */
const lostAnyhow = /terminating connection|CONNECTION_CLOSED|ECONNRESET|EPIPE/;

// An exception that nobody can catch would end the test run: that these pass is the guarantee.
describe('a connection that is lost inside a transaction', () => {
  test('while a statement runs: the caller is told, the process lives', async () => {
    const lost = database.sql.begin(async (tx) => {
      const pid = await backendOf(tx);
      await Promise.all([tx`select pg_sleep(30)`, terminate(pid)]);
    });
    await expect(lost).rejects.toThrow(told);
    await turns();
  });

  test('between two statements: the next one is refused, the caller is told', async () => {
    const lost = database.sql.begin(async (tx) => {
      await terminate(await backendOf(tx));
      await turns();
      await tx`select 1`;
    });
    await expect(lost).rejects.toThrow(told);
    await turns();
  });

  test('before the commit: the caller is told that it did not happen', async () => {
    const lost = database.sql.begin(async (tx) => {
      await terminate(await backendOf(tx));
      await turns();
    });
    await expect(lost).rejects.toThrow(told);
    await turns();
  });

  test('because its process stood still: the server ends it, the caller is told', async () => {
    const [limit] = await database.sql<[{ idle: string }]>`
      select current_setting('idle_in_transaction_session_timeout') as idle`;
    expect(limit.idle).toBe('30s');
    const lost = database.sql.begin(async (tx) => {
      const pid = await backendOf(tx);
      await tx`set local idle_in_transaction_session_timeout = '50ms'`;
      await expect
        .poll(async () => (await admin`select from pg_stat_activity where pid = ${pid}`).length)
        .toBe(0);
      await turns();
      await tx`select 1`;
    });
    await expect(lost).rejects.toThrow(told);
    await turns();
  });

  test('and the next transaction has a new connection', async () => {
    const answer = await database.sql.begin(async (tx) => {
      const [row] = await tx<[{ answer: number }]>`select 42 as answer`;
      return row.answer;
    });
    expect(answer).toBe(42);
  });
});

/** What postgres.js keeps of a lost connection must not reach what is asked on the next one. */
describe('after a connection that was lost', () => {
  /** Each answer is of its own question, and none is refused for what has happened before. */
  async function expectOwnAnswers(asked: number): Promise<void> {
    const answers = await Promise.all(
      [1, 2, 3, 4].map((each) =>
        database.sql.begin(async (tx) => {
          const [first] = await tx<[{ n: number }]>`select ${asked + each}::int4 as n`;
          const [second] = await tx<[{ n: number }]>`select ${asked - each}::int4 as n`;
          return [first.n, second.n];
        }),
      ),
    );
    expect(answers).toEqual([1, 2, 3, 4].map((each) => [asked + each, asked - each]));
  }

  test('in the middle of a statement, the next ones get their own answers', async () => {
    for (let round = 0; round < 8; round += 1) {
      const lost = database.sql.begin(async (tx) => {
        const pid = await backendOf(tx);
        const rows = tx`select ${round}::int4, pg_sleep(30)`;
        const more = tx`select ${round}::int4 as behind`;
        await Promise.all([rows, more, terminate(pid)]);
      });
      await expect(lost).rejects.toThrow(told);
      await expectOwnAnswers(100 * round);
    }
  });

  test('at any turn before or after the next statement, they do too', async () => {
    for (let round = 0; round < 30; round += 1) {
      const lost = database.sql.begin(async (tx) => {
        const pid = await backendOf(tx);
        const ended = admin`select pg_terminate_backend(${pid})`.execute();
        for (let turn = 0; turn < round; turn += 1) {
          await new Promise((resolve) => setImmediate(resolve));
        }
        // A caller that goes on after a refusal does not send a COMMIT to nobody.
        await tx`select ${round}::int4`.catch(() => null);
        await ended;
        await turns();
        await tx`select 1`;
      });
      await expect(lost).rejects.toThrow(lostAnyhow);
      await expectOwnAnswers(100 * round);
    }
  });

  test('while statements are sent at every turn, the pool is whole again', async () => {
    const pool = await connect(url, { role: 'joulebook_writer', connectionsMax: 2, name: 'many' });
    const backend = async (): Promise<number> => {
      const [row] = await pool.sql<[{ pid: number }]>`select pg_backend_pid() as pid`;
      return row.pid;
    };
    for (let round = 0; round < 10; round += 1) {
      // The end of the one before may be told as late as now, and of one connection only once.
      const pid = await backend().catch(backend);
      const ended = admin`select pg_terminate_backend(${pid})`.execute();
      const asked: Promise<unknown>[] = [];
      for (let turn = 0; turn < 60; turn += 1) {
        const own = pool.sql<[{ n: number }]>`select ${turn}::int4 as n`.then(
          ([row]) => row.n === turn || `the answer ${row.n}`,
          (error: unknown) => lostAnyhow.test(String(error)) || error,
        );
        asked.push(own);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await ended;
      expect(new Set(await Promise.all(asked))).toEqual(new Set([true]));
    }
    await pool.close();
  });
});

describe('a connection that is lost inside a savepoint', () => {
  test('between two statements: the caller is told, the process lives', async () => {
    const seen: string[] = [];
    const lost = database.sql.begin(async (tx) => {
      await tx
        .savepoint(async (inner) => {
          await terminate(await backendOf(inner));
          await turns();
          await inner`select 1`;
        })
        .catch((error: unknown) => {
          seen.push(String(error));
          throw error;
        });
    });
    await expect(lost).rejects.toThrow(told);
    await turns();
    expect(seen.join()).toMatch(told);
  });

  test('before its end: the caller is told, the process lives', async () => {
    const lost = database.sql.begin(async (tx) => {
      await tx.savepoint('inner', async (inner) => {
        await terminate(await backendOf(inner));
        await turns();
      });
    });
    await expect(lost).rejects.toThrow(told);
    await turns();
  });

  test('a savepoint that is undone leaves the transaction around it', async () => {
    const kept = await database.sql.begin(async (tx) => {
      await tx`create temporary table kept (n int4) on commit drop`;
      await tx`insert into kept values (1)`;
      const undone = tx.savepoint(async (inner) => {
        await inner`insert into kept values (2)`;
        await inner`select 1 / 0`;
      });
      await expect(undone).rejects.toThrow('division by zero');
      await tx.savepoint('named', (inner) => inner`insert into kept values (3)`);
      const rows = await tx<{ n: number }[]>`select n from kept order by n`;
      return rows.map((row) => row.n);
    });
    expect(kept).toEqual([1, 3]);
  });
});

test('a statement made before a loss and awaited after it is refused', async () => {
  const lost = database.sql.begin(async (tx) => {
    const late = [tx`select 1`, tx.unsafe('select 2')];
    await terminate(await backendOf(tx));
    await turns();
    for (const statement of late) await expect(statement).rejects.toThrow(told);
    throw new Error('the work goes on to its own end');
  });
  await expect(lost).rejects.toThrow(told);
  await turns();
});

test('what a server says at its end is told whole, in pieces or not', () => {
  // ErrorResponse as in https://www.postgresql.org/docs/18/protocol-message-formats.html
  const message = (type: string, text: string): Buffer => {
    const bytes = Buffer.alloc(5 + Buffer.byteLength(text));
    bytes.write(type);
    bytes.writeUInt32BE(bytes.length - 1, 1);
    bytes.write(text, 5);
    return bytes;
  };
  const mild = message('E', 'SFEHLER\0VERROR\0C22012\0Mdivision by zero\0\0');
  const row = message('D', 'SFATAL\0VFATAL\0C57P01\0 as the text of a row');
  const last = message('E', 'SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0');
  const stream = Buffer.concat([mild, row, row, last]);
  for (let size = 1; size <= stream.length; size += 1) {
    const words = new LastWords();
    const passed: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      passed.push(words.letThrough(stream.subarray(at, at + size)));
    }
    expect(Buffer.concat(passed)).toEqual(Buffer.concat([mild, row, row]));
    expect(words.error).toMatchObject({ code: '57P01', message: 'terminating connection' });
  }
});

/** A server that is away and comes back: a door at a port of its own before the real one. */
function doorTo(
  url: string,
  hears: (bytes: Buffer, inside: Socket) => void = () => {},
): { readonly server: Server; readonly close: () => void } {
  const { hostname, port } = new URL(url);
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createServer((inside) => {
    const outside = connectSocket(Number(port), hostname);
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    inside.on('data', (bytes: Buffer) => hears(bytes, inside));
    inside.pipe(outside).pipe(inside);
  });
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { server, close };
}

/** The database's address by way of the door. */
async function listening(server: Server, url: string): Promise<{ far: string; port: number }> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const far = new URL(url);
  far.port = String(port);
  return { far: far.href, port };
}

// The process would end by the rejection of a question that postgres.js asks by itself.
test('no connection but the first is lost over the types of arrays', async () => {
  const { url } = await freshDatabase('array_types');
  let asked = 0;
  const door = doorTo(url, (bytes, inside) => {
    if (!bytes.includes('pg_catalog.pg_type')) return;
    asked += 1;
    if (asked > 1) inside.destroy();
  });
  const { far } = await listening(door.server, url);
  const options = { role: 'joulebook_writer', connectionsMax: 4, name: 'array_types' } as const;
  const pool = await connect(far, options);
  const numbers = await Promise.all(
    [1, 2, 3, 4].map((each) =>
      pool.sql.begin(async (tx) => {
        const [row] = await tx<[{ many: number[] }]>`
          select array[${each}::int4, 2] as many from pg_sleep(0.05)`;
        return row.many;
      }),
    ),
  );
  expect(numbers).toEqual([1, 2, 3, 4].map((each) => [each, 2]));
  expect(asked).toBe(1);
  await pool.close();
  door.close();
});

test('a pool outlives more refusals than it has connections', async () => {
  const { url } = await freshDatabase('refusals');
  const first = doorTo(url);
  const { far, port } = await listening(first.server, url);
  const pool = await connect(far, {
    role: 'joulebook_writer',
    connectionsMax: 3,
    name: 'refusals',
  });
  first.close();
  let refusals = 0;
  const asks = (): Promise<unknown> =>
    pool.sql`select 1`.catch(() => {
      refusals += 1;
    });
  for (let round = 0; round < 4; round += 1) await Promise.all([asks(), asks(), asks()]);
  expect(refusals).toBeGreaterThan(3);
  const second = doorTo(url);
  await once(second.server.listen(port, '127.0.0.1'), 'listening');
  const [row] = await pool.sql<[{ answer: number }]>`select 42 as answer`;
  expect(row.answer).toBe(42);
  await pool.close();
  second.close();
});
