import { writeSync } from 'node:fs';
import type postgres from 'postgres';
import { makeBeginLossProof as makeLossProof } from '../../src/db/lossProofBegin.ts';
import { failAtVariable, failPointVariable, failPointWord, plantVariable } from './failPoint.ts';
import type { FailPoint } from './failPoint.ts';

type Client = postgres.Sql<{ bigint: bigint }>;
type Transaction = postgres.TransactionSql<{ bigint: bigint }>;
type Work = (tx: Transaction) => unknown;

const stderrFile = 2;
const plantedEvery = 3;

const armed = process.env[failPointVariable];
let passagesLeft = Number(process.env[failAtVariable] ?? 0);
const isPlanted = process.env[plantVariable] === '1';
let logTransactions = 0;

/** Nothing of this process happens after its passage: no handler, no flush, no rollback. */
function pass(point: FailPoint): void {
  if (point !== armed) return;
  passagesLeft -= 1;
  if (passagesLeft !== 0) return;
  writeSync(stderrFile, `${failPointWord} ${point}\n`);
  process.kill(process.pid, 'SIGKILL');
}

type Kind = 'log' | 'rating';

function textOf(args: readonly unknown[]): string {
  const [parts] = args;
  return Array.isArray(parts) && 'raw' in parts ? parts.join('?') : '';
}

/** By the lock that it begins with. */
function kindOf(text: string): Kind | null {
  if (/from log_head\b[\s\S]*for update/.test(text)) return 'log';
  if (/from rating_cursor\b[\s\S]*for update/.test(text)) return 'rating';
  return null;
}

/** postgres.js gives a COPY's stream only through the query's own method. */
function breakInside(copy: unknown): void {
  if (typeof copy !== 'object' || copy === null || !('writable' in copy)) return;
  const open: unknown = copy.writable;
  if (typeof open !== 'function') return;
  Reflect.set(copy, 'writable', async () => {
    const stream: unknown = await Reflect.apply(open, copy, []);
    pass('log.copy');
    return stream;
  });
}

class PlantedRollback extends Error {}

async function brittleBegin(begin: (work: Work) => Promise<unknown>, work: Work): Promise<unknown> {
  // In an object: what a callback assigns to a variable is not seen by the type checker.
  const seen: { kind: Kind | null } = { kind: null };
  let result: unknown;
  const inside = async (tx: Transaction): Promise<unknown> => {
    const watched = new Proxy(tx, {
      apply(target, self, args: unknown[]) {
        const text = textOf(args);
        seen.kind ??= kindOf(text);
        const { kind } = seen;
        if (kind === 'rating' && text.includes('update rating_cursor')) pass('rating.inside');
        const query: unknown = Reflect.apply(target, self, args);
        if (kind === 'log' && text.startsWith('copy ')) breakInside(query);
        return query;
      },
    });
    result = await work(watched);
    const { kind } = seen;
    if (kind !== null) pass(`${kind}.before`);
    if (kind === 'log') {
      logTransactions += 1;
      if (isPlanted && logTransactions % plantedEvery === 0) throw new PlantedRollback();
    }
    return result;
  };
  try {
    const done = await begin(inside);
    if (seen.kind !== null) pass(`${seen.kind}.after`);
    return done;
  } catch (error) {
    if (error instanceof PlantedRollback) return result;
    throw error;
  }
}

/** In the place of the production function of this name, which it calls first. */
export function makeBeginLossProof(sql: Client): void {
  makeLossProof(sql);
  const begin: (work: Work) => Promise<unknown> = sql.begin.bind(sql);
  Object.assign(sql, { begin: (work: Work) => brittleBegin(begin, work) });
  // postgres.js calls it with each text before the text is sent.
  sql.options.debug = (_connection: number, text: string) => {
    if (text.includes('pg_notify')) pass('bell.before');
    if (text.includes('update relay_cursor')) pass('relay.before');
  };
}
