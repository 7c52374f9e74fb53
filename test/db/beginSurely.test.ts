import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { beginSurely, hasCommitted } from '../../src/db/beginSurely.ts';
import { connect } from '../../src/db/connect.ts';
import type { Database, Sql, Transaction } from '../../src/db/connect.ts';
import { freshDatabase } from '../support/postgres.ts';

let database: Database;
let admin: postgres.Sql;
beforeAll(async () => {
  const { url } = await freshDatabase('begin_surely');
  database = await connect(url, { role: 'joulebook_writer', connectionsMax: 2, name: 'surely' });
  admin = postgres(url, { max: 1 });
  await admin`create table done (times integer not null)`;
  await admin`grant select, update on done to joulebook_writer`;
});
afterAll(async () => {
  await admin.end();
  await database.close();
});
beforeEach(async () => {
  await admin`truncate done`;
  await admin`insert into done values (0)`;
});

async function count(tx: Transaction): Promise<string> {
  await tx`update done set times = times + 1`;
  return 'counted';
}

async function times(): Promise<number> {
  const [row] = await admin<[{ times: number }]>`select times from done`;
  return row.times;
}

async function endBackendOf(tx: Transaction): Promise<void> {
  const [row] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`;
  await admin`select pg_terminate_backend(${row.pid})`;
  await expect
    .poll(async () => (await admin`select from pg_stat_activity where pid = ${row.pid}`).length)
    .toBe(0);
}

/** What the wire does: the server has committed, and its answer does not arrive. */
function losingAnswers(losses: number, error: Error): Sql {
  let lost = 0;
  return new Proxy(database.sql, {
    get(target, property, receiver) {
      if (property !== 'begin') return Reflect.get(target, property, receiver);
      return async (work: Parameters<Sql['begin']>[1]) => {
        const result = await target.begin(work);
        lost += 1;
        if (lost <= losses) throw error;
        return result;
      };
    },
  });
}

function loss(): Error {
  return Object.assign(new Error('the connection was lost'), { code: 'CONNECTION_CLOSED' });
}

describe('a transaction that must be done', () => {
  test('is begun again when its connection is lost inside', async () => {
    let tries = 0;
    const said = await beginSurely(database.sql, async (tx) => {
      tries += 1;
      const counted = await count(tx);
      if (tries <= 2) await endBackendOf(tx);
      return `${counted} at try ${tries}`;
    });
    expect(said).toBe('counted at try 3');
    expect(await times()).toBe(1);
  });

  test('is not done twice when only the answer to its commit is lost', async () => {
    expect(await beginSurely(losingAnswers(1, loss()), count)).toBe('counted');
    expect(await times()).toBe(1);
  });

  test('is not begun again after an error of the work itself', async () => {
    let tries = 0;
    const failing = beginSurely(database.sql, async (tx) => {
      tries += 1;
      await count(tx);
      throw new Error('the work failed');
    });
    await expect(failing).rejects.toThrow('the work failed');
    expect([tries, await times()]).toEqual([1, 0]);
  });

  test('nor after an error at its commit that is no loss', async () => {
    const killed = beginSurely(losingAnswers(1, new Error('killed')), count);
    await expect(killed).rejects.toThrow('killed');
    expect(await times()).toBe(1);
  });

  test('was not committed when the server that crashed has never heard of it', async () => {
    const [row] = await admin<[{ later: string }]>`
      select ((pg_current_xact_id()::text)::int8 + 1000)::text as later`;
    expect(await hasCommitted(database.sql, row.later)).toBe(false);
  });

  test('is given up after seven tries, and nothing is done', async () => {
    let tries = 0;
    const lost = beginSurely(database.sql, async (tx) => {
      tries += 1;
      await count(tx);
      throw loss();
    });
    await expect(lost).rejects.toThrow('the connection was lost');
    expect([tries, await times()]).toEqual([7, 0]);
  });
});
