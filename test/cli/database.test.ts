import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { tokenRealm } from '../../src/operations/issueToken.ts';
import { verifyToken } from '../../src/schema/token.ts';
import { freshDatabase } from '../support/postgres.ts';
import { callCli, lineOf, runCli, temporaryFolder } from './runCli.ts';

const folder = temporaryFolder();
const company = 'Meadow Light Cooperative'; // as examples/fleet.json says
let url: string;
let sql: postgres.Sql;
const run = (...args: string[]) => runCli(args, { DATABASE_URL: url });

beforeAll(async () => {
  ({ url } = await freshDatabase('cli'));
  sql = postgres(url, { max: 1, onnotice: () => {} });
  const registered = await run('fleet', 'register', 'examples/fleet.json');
  if (registered.exitCode !== 0) throw new Error(registered.stderr);
});
afterAll(() => sql.end());

const countRows = z.object({ count: z.coerce.number() });
async function count(table: string): Promise<number> {
  const [row] = await sql`select count(*) from ${sql(table)}`;
  return countRows.parse(row).count;
}

describe('fleet register', () => {
  test('tells a person the ids of the edges, which senders name', async () => {
    const again = await run('fleet', 'register', 'examples/fleet.json');
    const [edge] = await sql`select id from edge where name = 'head-end'`;
    expect(again.stdout).toContain(`Ids of the edges: head-end ${edge?.['id']}.`);
  });
});

describe('prices', () => {
  test('of a file are new once, and known the second time', async () => {
    const file = path.join(folder, 'prices.csv');
    const rows = ['start,price', '2026-06-01T00:00:00Z,81.37', '2026-06-01T01:00:00Z,-4.2'];
    writeFileSync(file, `${rows.join('\n')}\n`);
    const add = (currency: string) => {
      const of = ['--company', company, '--series', 'day-ahead', '--unit', 'MWh', '--json'];
      return run('prices', 'add', file, '--currency', currency, ...of);
    };
    expect(lineOf(await add('EUR'))).toMatchObject({ ok: true, recorded: 2, metersToRate: 0 });
    expect(lineOf(await add('EUR'))).toMatchObject({ ok: true, recorded: 2, isReplay: true });
    expect(await count('pricing_change')).toBe(1);
    expect(await count('price_point')).toBe(2);
    const odd = await add('USD');
    expect(odd.exitCode).toBe(1);
    expect(lineOf(odd)).toMatchObject({ ok: false, code: 'SERIES_CONFLICT' });
  });
});

describe('the database of a running start', () => {
  const top = ['top-up', '--company', 'Nobody', '--account', '1', '--amount', '1'];
  const called = [...top, '--currency', 'EUR', '--json'];

  test('is found in its data directory, and goes before the environment', async () => {
    writeFileSync(path.join(folder, 'database-url'), `${url}\n`);
    const elsewhere = { DATABASE_URL: 'postgres://somebody@127.0.0.1:1/nowhere' };
    const found = await runCli([...called, '--data', folder], elsewhere);
    expect(lineOf(found)).toMatchObject({ ok: false, code: 'COMPANY_NOT_FOUND' });
  });

  test('is not there when none runs, and is not one of two', async () => {
    const none = await run(...called, '--data', path.join(folder, 'absent'));
    expect(none.exitCode).toBe(2);
    expect(none.stdout).toContain('npm start -- --data');
    const two = await run(...called, '--data', folder, '--database', url);
    expect(two.exitCode).toBe(2);
    expect(two.stdout).toContain('either --database or --data');
  });
});

describe('a database that is not ready', () => {
  test('nobody listens: one coded sentence, without the password', async () => {
    const closed = 'postgres://somebody:hush@127.0.0.1:1/nowhere';
    const refused = await runCli(['migrate', '--database', closed, '--json']);
    expect(refused.exitCode).toBe(1);
    expect(lineOf(refused)).toMatchObject({ ok: false, code: 'DATABASE_UNREACHABLE' });
    expect(refused.stdout + refused.stderr).not.toContain('hush');
  });

  test('an empty one is told to be migrated, then is, twice', async () => {
    const empty = new URL(url);
    empty.pathname = `/cli_empty_${process.pid}`;
    await sql`create database ${sql(empty.pathname.slice(1))}`;
    const env = { DATABASE_URL: empty.href };
    try {
      const early = await runCli(['fleet', 'register', 'examples/fleet.json'], env);
      expect(early.exitCode).toBe(1);
      expect(early.stderr).toContain('DATABASE_NOT_MIGRATED');
      expect((await runCli(['migrate'], env)).exitCode).toBe(0);
      expect((await runCli(['migrate'], env)).exitCode).toBe(0);
      expect((await runCli(['fleet', 'register', 'examples/fleet.json'], env)).exitCode).toBe(0);
    } finally {
      await sql`drop database ${sql(empty.pathname.slice(1))} with (force)`;
    }
  });
});

describe('fleet register', () => {
  test('the same file again finds the same ids and adds nothing', async () => {
    const before = [await count('meter'), await count('agreement'), await count('tariff_version')];
    const again = await run('fleet', 'register', 'examples/fleet.json', '--json');
    expect(again.exitCode).toBe(0);
    expect(lineOf(again)).toMatchObject({
      ok: true,
      edges: { 'head-end': { edgeId: expect.any(Number), logShard: expect.any(Number) } },
      meters: { 'SDM-0001': expect.any(Number), 'IEM-0002': expect.any(Number) },
      accounts: { 'A-1001': expect.any(Number), 'A-1002': expect.any(Number) },
    });
    const after = [await count('meter'), await count('agreement'), await count('tariff_version')];
    expect(after).toEqual(before);
  });

  test('what the file says is what the tables hold, to the micro and the millisecond', async () => {
    const [agreement] = await sql`
      select g.mode, g.balance_limit_micros, g.reconnect_micros, g.valid_from, g.valid_to
      from agreement g join account a on a.id = g.account_id where a.number = 'A-1002'`;
    expect(agreement).toMatchObject({
      mode: 'postpaid',
      balance_limit_micros: '-1000000000',
      reconnect_micros: '-999999999',
      valid_from: new Date('2025-12-31T23:00:00Z'),
      valid_to: new Date('2026-12-31T23:00:00Z'),
    });
    const [meter] = await sql`select register_modulus_wh from meter where serial = 'IEM-0002'`;
    expect(meter).toEqual({ register_modulus_wh: '1000000000000' });
    const [key] = await sql`select public_key from edge_key`;
    const file = readFileSync('examples/fleet.json', 'utf8');
    const { public_key: publicKey } = z.object({ public_key: z.instanceof(Buffer) }).parse(key);
    expect(file).toContain(publicKey.toString('base64'));
  });

  test('a file that contradicts what is registered is refused and changes nothing', async () => {
    const text = readFileSync('examples/fleet.json', 'utf8');
    const file = path.join(folder, 'conflict.json');
    writeFileSync(file, text.replace('"mapName": "sdm630"', '"mapName": "em24"'));
    const refused = await run('fleet', 'register', file, '--json');
    expect(refused.exitCode).toBe(1);
    expect(lineOf(refused)).toMatchObject({ code: 'FLEET_CONFLICT' });
    const [meter] = await sql`select map_name from meter where serial = 'SDM-0001'`;
    expect(meter).toEqual({ map_name: 'sdm630' });
  });
});

describe('token make', () => {
  const key = path.join(folder, 'tokens.pem');
  const make = (...args: string[]) =>
    run('token', 'make', '--key', key, '--company', company, '--json', ...args);
  beforeAll(async () => {
    await runCli(['key', 'make', key]);
  });
  const verify = (token: string, nowMs: number) => {
    const publicKey = createPublicKey(readFileSync(key, 'utf8'));
    return verifyToken({ publicKey, ...tokenRealm }, token, nowMs);
  };
  const tokenLine = z.object({ token: z.string(), expiresAt: z.string() });

  test.each([
    ['operator', [], { accountId: null, persistedOnly: false }],
    ['administrator', [], { accountId: null, persistedOnly: false }],
    ['developer', ['--partner'], { accountId: null, persistedOnly: true }],
    [
      'subscriber',
      ['--account', 'A-1001'],
      { accountId: expect.any(Number), persistedOnly: false },
    ],
  ] as const)('the API takes a token of role %s until it expires', async (role, more, viewer) => {
    const made = await make('--role', role, '--hours', '2', ...more);
    expect(made.exitCode).toBe(0);
    const { token, expiresAt } = tokenLine.parse(lineOf(made));
    const endMs = Date.parse(expiresAt);
    const verified = await verify(token, endMs - 60_000);
    expect(verified).toMatchObject({ ok: true, value: { viewer: { role, ...viewer } } });
    expect(await verify(token, endMs + 60_000)).toMatchObject({ code: 'TOKEN_INVALID' });
  });

  test('for any company of a start, its own key signs; another key is refused', async () => {
    // As a start leaves them: its database's address, its key as base64 of PKCS#8.
    const data = path.join(folder, 'start');
    mkdirSync(data);
    writeFileSync(path.join(data, 'database-url'), url);
    const own = generateKeyPairSync('ed25519');
    const der = own.privateKey.export({ format: 'der', type: 'pkcs8' });
    writeFileSync(path.join(data, 'token-key'), der.toString('base64'), { mode: 0o600 });
    const asked = ['token', 'make', '--data', data, '--company', company, '--role', 'operator'];
    const made = tokenLine.parse(lineOf(await callCli([...asked, '--json'])));
    const verifier = { publicKey: own.publicKey, ...tokenRealm };
    expect(await verifyToken(verifier, made.token, Date.now())).toMatchObject({ ok: true });
    const refused = await callCli([...asked, '--key', key]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/^TOKEN_KEY_FOREIGN: The npm start of .* Leave --key out\.$/m);
  });

  test.each([
    [['--role', 'subscriber', '--account', 'A-9'], 'ACCOUNT_NOT_FOUND'],
    [['--role', 'operator', '--company', 'Nobody'], 'COMPANY_NOT_FOUND'],
    [['--role', 'operator', '--key', 'absent.pem'], 'KEY_FILE_MISSING'],
  ])('%j is refused', async (args, code) => {
    const refused = await make(...args);
    expect(refused.exitCode).toBe(1);
    expect(lineOf(refused)).toMatchObject({ ok: false, code });
  });

  test('a key that others can read signs nothing', async () => {
    const open = path.join(folder, 'open.pem');
    writeFileSync(open, readFileSync(key, 'utf8'));
    chmodSync(open, 0o644);
    const refused = await make('--role', 'operator', '--key', open);
    expect(lineOf(refused)).toMatchObject({ ok: false, code: 'KEY_FILE_EXPOSED' });
  });
});

describe('operations register', () => {
  const register = (source: string) =>
    run('operations', 'register', source, '--company', company, '--json');

  test('every document of the example fits the schema and is registered once', async () => {
    const schema = buildSchema(readFileSync('schema.graphql', 'utf8'));
    const manifest = z
      .record(z.string(), z.string())
      .parse(JSON.parse(readFileSync('examples/operations.json', 'utf8')));
    for (const document of Object.values(manifest)) {
      expect(validate(schema, parse(document))).toEqual([]);
    }
    const ids = Object.keys(manifest).map((hash) => `sha256:${hash}`);
    for (const isNew of [true, false]) {
      const registered = await register('examples/operations.json');
      expect(registered.exitCode).toBe(0);
      expect(lineOf(registered)).toMatchObject({
        operations: ids.map((id) => ({ id, isNew })),
      });
    }
    expect(await count('persisted_operation')).toBe(ids.length);
  });

  test('a folder of documents is registered under the names of their operations', async () => {
    const documents = path.join(folder, 'documents');
    mkdirSync(documents);
    const document = 'query Who { viewer { __typename } }';
    writeFileSync(path.join(documents, 'who.graphql'), document);
    writeFileSync(path.join(documents, 'README.txt'), 'not a document');
    const id = `sha256:${createHash('sha256').update(document).digest('hex')}`;
    expect(lineOf(await register(documents))).toMatchObject({
      operations: [{ id, name: 'Who', isNew: true }],
    });
  });

  test.each([
    ['a hash that is not the document', '{"00ff":"query A { viewer { __typename } }"}'],
    ['a list', '["query A { viewer { __typename } }"]'],
    ['nothing', '{}'],
  ])('a manifest with %s is refused and registers nothing', async (_what, text) => {
    const before = await count('persisted_operation');
    const file = path.join(folder, 'manifest.json');
    writeFileSync(file, text);
    const refused = await register(file);
    expect(refused.exitCode).toBe(1);
    expect(lineOf(refused)).toMatchObject({
      code: expect.stringMatching(/^(MANIFEST_HASH_WRONG|MANIFEST_MALFORMED|OPERATIONS_MISSING)$/),
    });
    expect(await count('persisted_operation')).toBe(before);
  });
});

describe('top-up', () => {
  const key = '5a2f3f0e-6d0b-4c55-8f59-0e9d8b7a6c5d';
  const pay = (...args: string[]) =>
    run('top-up', '--company', company, '--account', 'A-1001', '--json', ...args);

  test('is paid once for its key, however often it is called', async () => {
    const args = ['--amount', '12.50', '--currency', 'EUR', '--key', key];
    const first = lineOf(await pay(...args));
    expect(first).toMatchObject({ ok: true, amount: '12.50', balance: '12.50', isReplay: false });
    expect(lineOf(await pay(...args))).toMatchObject({ balance: '12.50', isReplay: true });
    expect(await count('transfer')).toBe(1);
  });

  test.each([
    [['--amount', '0', '--currency', 'EUR'], 'AMOUNT_NOT_POSITIVE'],
    [['--amount=-5', '--currency', 'EUR'], 'AMOUNT_NOT_POSITIVE'],
    [['--amount', '1.0123456789', '--currency', 'EUR'], 'AMOUNT_TOO_PRECISE'],
    [['--amount', '5', '--currency', 'USD'], 'CURRENCY_MISMATCH'],
    [['--amount', '5', '--currency', 'EUR', '--account', 'A-9'], 'ACCOUNT_NOT_FOUND'],
    [['--amount', '6', '--currency', 'EUR', '--key', key], 'IDEMPOTENCY_KEY_REUSED'],
  ])('%j is refused and nothing is posted', async (args, code) => {
    const refused = await pay(...args);
    expect(refused.exitCode).toBe(1);
    expect(lineOf(refused)).toMatchObject({ ok: false, code });
    expect(await count('transfer')).toBe(1);
  });
});
