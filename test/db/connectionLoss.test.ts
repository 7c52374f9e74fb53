import { once } from 'node:events';
import { connect as connectSocket, createServer } from 'node:net';
import type { Server } from 'node:net';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import type { Database, Transaction } from '../../src/db/connect.ts';
import { freshDatabase } from '../support/postgres.ts';

let database: Database;
let admin: postgres.Sql;
beforeAll(async () => {
  const { url } = await freshDatabase('connection_loss');
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

// An exception that nobody can catch would end the test run: that these pass is the guarantee.
// Now and then the next connection is not made in 30 s; why is not known yet.
describe('a connection that is lost inside a transaction', { retry: 2 }, () => {
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

/** A server that is away and comes back: a door at a port of its own before the real one. */
function doorTo(url: string): { readonly server: Server; readonly close: () => void } {
  const { hostname, port } = new URL(url);
  const sockets = new Set<{ destroy(): unknown }>();
  const server = createServer((inside) => {
    const outside = connectSocket(Number(port), hostname);
    for (const socket of [inside, outside]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    inside.pipe(outside).pipe(inside);
  });
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { server, close };
}

test('a pool outlives more refusals than it has connections', async () => {
  const { url } = await freshDatabase('refusals');
  const first = doorTo(url);
  await once(first.server.listen(0, '127.0.0.1'), 'listening');
  const address = first.server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const far = new URL(url);
  far.port = String(port);
  const pool = await connect(far.href, {
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
