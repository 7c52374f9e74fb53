import { setTimeout as pause } from 'node:timers/promises';
import postgres from 'postgres';
import { makeBatch } from '../../test/support/build/chainMaker.ts';
import { importBlock } from '../../test/support/build/edge.ts';
import { badCases } from './cases.ts';
import type { BadCase, Place, Posted } from './cases.ts';
import { registerWorld } from './world.ts';
import type { BadInputWorld } from './world.ts';

export type CaseResult = {
  readonly name: string;
  readonly expected: string;
  readonly code: string;
  readonly status: number;
  readonly emsCode: string | null;
  /** Why it was refused or held back, as an operator reads it. */
  readonly message: string;
  /** What is not as it should be; empty when all is well. */
  readonly problems: readonly string[];
};

export type BadInputReport = {
  readonly cases: readonly CaseResult[];
  readonly goodBatches: number;
  readonly chargedMicros: bigint;
  readonly expectedMicros: bigint;
};

const quarterMs = 900_000;
const stepWh = 100;
/** 100 Wh at 0.30 a kWh. */
const stepMicros = 30_000n;
const ratedMsMax = 120_000;

type Picture = {
  readonly logged: bigint;
  readonly kept: bigint;
  readonly exceptions: bigint;
  readonly audits: bigint;
  /** The series and all money, as one digest. */
  readonly books: string | null;
};

async function look(sql: postgres.Sql, { companyId, meterId }: BadInputWorld): Promise<Picture> {
  const [picture] = await sql<[Picture]>`
    select (select count(*) from batch_log where company_id = ${companyId}) as logged,
           (select count(*) from batch_quarantine
            where company_id = ${companyId} or company_id is null) as kept,
           (select count(*) from reading_exception where company_id = ${companyId}) as exceptions,
           (select count(*) from audit_entry
            where (company_id = ${companyId} or company_id is null)
              and action in ('batch.refuse', 'batch.note')) as audits,
           md5(concat(
             (select string_agg(d::text, ' ' order by d::text) from series_day d
              where d.meter_id = ${meterId}),
             (select string_agg(t::text, ' ' order by t::text) from transfer t
              where t.company_id = ${companyId}),
             (select string_agg(b::text, ' ' order by b::text) from account_balance b
              where b.company_id = ${companyId}))) as books`;
  return picture;
}

/** Until the rater has taken all that is in the log. */
async function untilRated(sql: postgres.Sql): Promise<void> {
  for (const endMs = Date.now() + ratedMsMax; Date.now() < endMs; await pause(50)) {
    const [row] = await sql`
      select 1 from log_head h join rating_cursor c using (shard)
      where h.position > c.position limit 1`;
    if (row === undefined) return;
  }
  throw new Error(`RATING_BEHIND: the rater has not caught up within ${ratedMsMax / 1_000} s`);
}

type Answer = { readonly status: number; readonly code: string; readonly emsCode: string | null };

async function post(url: string, { body, headers }: Posted): Promise<Answer> {
  const response = await fetch(`${url}/v1/batches`, {
    method: 'POST',
    headers,
    body: Buffer.from(body),
  });
  const bytes = await response.bytes();
  if (response.status === 200) return { status: 200, code: 'committed', emsCode: null };
  const problem: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
  const { code, emsCode = null } = Object(problem);
  return { status: response.status, code: String(code), emsCode };
}

/** The good gateway: each of its batches is 100 Wh and a quarter hour after the one before. */
class GoodSender {
  readonly #world: BadInputWorld;
  readonly #fromMs: number;
  #sent = 0;
  /** The last batch of its chain that is in the log, whoever sent it. */
  #last = { sequence: 0n, hash: new Uint8Array(32) };

  constructor(world: BadInputWorld, nowMs: number) {
    this.#world = world;
    this.#fromMs = Math.floor(nowMs / quarterMs - 4 * 96) * quarterMs;
  }

  get sent(): number {
    return this.#sent;
  }

  /** A bad reading would lie between two good ones. */
  get place(): Place {
    const { sequence, hash } = this.#last;
    const atMs = this.#fromMs + this.#sent * quarterMs - 60_000;
    return { sequence: sequence + 1n, previousHash: hash, atMs };
  }

  /** Also behind a bad batch that was taken and only its row held back. */
  async follow(sql: postgres.Sql): Promise<void> {
    const [last] = await sql<{ sequence: bigint; hash: Uint8Array }[]>`
      select sequence, hash from batch_guard
      where edge_id = ${this.#world.good.edgeId} and epoch = 1 and stream = 1
      order by sequence desc limit 1`;
    if (last !== undefined) this.#last = { ...last, hash: Uint8Array.from(last.hash) };
  }

  async send(sql: postgres.Sql, url: string): Promise<Answer> {
    await this.follow(sql);
    const { good, meterId } = this.#world;
    const atMs = this.#fromMs + this.#sent * quarterMs;
    const { sequence, previousHash } = this.place;
    const { carried } = makeBatch(good.edge, {
      edgeId: good.edgeId,
      sequence,
      previousHash,
      createdAtMs: atMs,
      blocks: [importBlock([{ meterId, atMs, wh: 1_000 + this.#sent * stepWh }])],
    });
    this.#sent += 1;
    const answer = await post(url, {
      body: carried,
      headers: { 'content-type': 'application/x-protobuf' },
    });
    await untilRated(sql);
    await this.follow(sql);
    return answer;
  }
}

async function messageOf(
  sql: postgres.Sql,
  { companyId }: BadInputWorld,
  { kind, code }: BadCase,
): Promise<string> {
  const [row] =
    kind === 'refused'
      ? await sql<{ message: string }[]>`
          select message from batch_quarantine where code = ${code}
            and (company_id = ${companyId} or company_id is null)
          order by received_at desc limit 1`
      : await sql<{ message: string }[]>`
          select message from reading_exception
          where code = ${code} and company_id = ${companyId}
          order by sequence desc limit 1`;
  return row?.message ?? '';
}

function problemsOf(
  bad: BadCase,
  { before, after, answer }: { before: Picture; after: Picture; answer: Answer },
): readonly string[] {
  const { kind, code, isCorrupt } = bad;
  const isRefused = kind === 'refused';
  const expect: readonly (readonly [string, unknown, unknown])[] = [
    ['answer', answer.code, isRefused ? code : 'committed'],
    ['EMS code', answer.emsCode, isCorrupt ? 'EMS.E12' : null],
    ['batches in the log', after.logged - before.logged, isRefused ? 0n : 1n],
    ['rows of quarantine', after.kept - before.kept, isRefused ? 1n : 0n],
    ['rows held back', after.exceptions - before.exceptions, isRefused ? 0n : 1n],
    ['audit rows', after.audits - before.audits, 1n],
    ['series and money', after.books, before.books],
  ];
  return expect
    .filter(([, found, wanted]) => found !== wanted)
    .map(([what, found, wanted]) => `${what}: ${String(found)}, not ${String(wanted)}`);
}

type Run = {
  readonly sql: postgres.Sql;
  readonly url: string;
  readonly world: BadInputWorld;
  readonly sender: GoodSender;
};

async function runCase({ sql, url, world, sender }: Run, bad: BadCase): Promise<CaseResult> {
  const before = await look(sql, world);
  const answer = await post(url, bad.posted(sender.place));
  await untilRated(sql);
  const after = await look(sql, world);
  const problems = [...problemsOf(bad, { before, after, answer })];
  const next = await sender.send(sql, url);
  if (next.code !== 'committed') problems.push(`the next good batch: ${next.code}`);
  const { name, code: expected } = bad;
  const message = await messageOf(sql, world, bad);
  const isHeldBack = bad.kind === 'heldBack' && answer.code === 'committed' && message !== '';
  return {
    name,
    expected,
    ...answer,
    code: isHeldBack ? expected : answer.code,
    message,
    problems,
  };
}

/**
 * Sends everything bad to a running start, under a company of its own, each followed by a good
 * batch; at the end the good readings are billed to the micro as if nothing else had come.
 */
export async function runBadInput(given: {
  readonly url: string;
  /** Of the superuser: it sees all tables. */
  readonly databaseUrl: string;
  onCase(result: CaseResult): void;
}): Promise<BadInputReport> {
  const { url, databaseUrl } = given;
  const sql = postgres(databaseUrl, { max: 2, types: { bigint: postgres.BigInt } });
  try {
    const world = await registerWorld(databaseUrl);
    await sql`update edge_key set revoked_at = now() where edge_id = ${world.revoked.edgeId}`;
    const sender = new GoodSender(world, Date.now());
    await sender.send(sql, url);
    const cases: CaseResult[] = [];
    for (const bad of badCases(world)) {
      const result = await runCase({ sql, url, world, sender }, bad);
      cases.push(result);
      given.onCase(result);
    }
    const [{ micros }] = await sql<[{ micros: bigint }]>`
      select coalesce(-sum(balance_micros), 0)::int8 as micros from account_balance
      where company_id = ${world.companyId}`;
    const expectedMicros = BigInt(sender.sent - 1) * stepMicros;
    return { cases, goodBatches: sender.sent, chargedMicros: micros, expectedMicros };
  } finally {
    await sql.end();
  }
}
