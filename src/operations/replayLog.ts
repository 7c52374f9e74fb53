import { connect } from '../db/connect.ts';
import type { Sql } from '../db/connect.ts';
import { readEveryDismissed } from '../db/heldBack.ts';
import { readDroppedRuns } from '../db/logKeeping.ts';
import { migrate } from '../db/migrate.ts';
import {
  copyLog,
  copyPayments,
  copyRegistry,
  copyResolutions,
  countCommands,
  differenceCodes,
  differencesOf,
  insertReplayDuties,
  readReplayState,
  scratchName,
  withScratchDatabase,
} from '../db/replay.ts';
import type { DifferenceCode, ReplayGround, ReplayShard, RowDifference } from '../db/replay.ts';
import { assert, assertNever } from '../domain/assert.ts';
import { cutDataAgeMsMax } from '../domain/command/limits.ts';
import { differencesToldMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { createRatingMemory } from './rating/registry.ts';
import { rowKey } from './rating/rowRefusal.ts';
import { rateReadings } from './rateReadings.ts';
import type { RateDeps } from './rateReadings.ts';

export type ReplayStep = {
  readonly what: 'copied' | 'rated' | 'compared';
  readonly subject: string;
  readonly count: number;
};

/** What is compared, by the code of a difference in it. */
const compared: Readonly<Record<DifferenceCode, string>> = {
  SERIES_DIFFERS: 'series',
  HEAD_DIFFERS: 'series heads',
  CHARGE_DIFFERS: 'charges',
  UNRATED_DIFFERS: 'unrated energy',
  DECISIONS_DIFFER: 'decisions of validation',
  HOLDS_DIFFER: 'held bills',
  TRANSFERS_DIFFER: 'transfers',
  BALANCE_DIFFERS: 'balances',
};

/** A line for whoever waits. */
export function replayStepText({ what, subject, count }: ReplayStep): string {
  switch (what) {
    case 'copied':
      return `copied ${subject}: up to batch ${count}`;
    case 'rated':
      return `rated ${subject}: ${count} batches so far`;
    case 'compared':
      return `compared ${subject}: ${count} rows`;
    default:
      return assertNever(what);
  }
}

export type ReplayDeps = {
  /** Of a superuser: a scratch database is made beside the real one. */
  readonly ownerUrl: string;
  /** Names the scratch database; two replays at once need two. */
  readonly seed: string;
  /** Of the same server, migrated and empty: who replays a thousand times migrates once. */
  readonly template?: string;
  readonly rate: RateDeps['rate'];
  onStep(step: ReplayStep): void;
};

export type ReplayDifference = RowDifference & { readonly code: DifferenceCode };

export type ReplayReport = {
  readonly batches: number;
  readonly readings: number;
  readonly rowsCompared: number;
  readonly differenceCount: number;
  /** The first of them. */
  readonly differences: readonly ReplayDifference[];
};

export type ReplayCode = 'REPLAY_NEEDS_SUPERUSER' | 'REPLAY_DUTIES_OPEN' | 'REPLAY_LOG_CUT';

async function rateAll(
  deps: ReplayDeps,
  sql: Sql,
  { shards, nowMs }: { shards: readonly ReplayShard[]; nowMs: number },
): Promise<Pick<ReplayReport, 'batches' | 'readings'>> {
  const rating = { sql, clock: { nowMs: () => nowMs }, rate: deps.rate };
  const done = { batches: 0, readings: 0 };
  const dismissed = new Set((await readEveryDismissed(sql)).map(rowKey));
  const memories = shards.map(({ shard }) => ({ shard, memory: createRatingMemory(dismissed) }));
  for (let isMoved = true; isMoved;) {
    isMoved = false;
    for (const { shard, memory } of memories) {
      for (;;) {
        const rated = await rateReadings({ ...rating, memory }, { shard });
        done.batches += rated.batches;
        done.readings += rated.readings;
        if (!rated.more) break;
        // A bill of meters of two shards leaves the other one something to do.
        isMoved = true;
        deps.onStep({ what: 'rated', subject: `shard ${shard}`, count: done.batches });
      }
    }
  }
  return done;
}

async function compareAll(
  deps: ReplayDeps,
  ground: ReplayGround,
): Promise<Pick<ReplayReport, 'rowsCompared' | 'differenceCount' | 'differences'>> {
  const differences: ReplayDifference[] = [];
  let differenceCount = 0;
  let rowsCompared = 0;
  for (const code of differenceCodes) {
    const comparedBefore = rowsCompared;
    for await (const difference of differencesOf(ground, code)) {
      rowsCompared += 1;
      if (difference === 'same') continue;
      differenceCount += 1;
      if (differences.length < differencesToldMax) differences.push({ code, ...difference });
    }
    deps.onStep({
      what: 'compared',
      subject: compared[code],
      count: rowsCompared - comparedBefore,
    });
  }
  return { rowsCompared, differenceCount, differences };
}

async function replayOn(
  deps: ReplayDeps,
  ground: ReplayGround,
): Promise<Outcome<ReplayReport, ReplayCode>> {
  const dropped = await readDroppedRuns(ground.source);
  if (dropped.length > 0) {
    return refuse(
      'REPLAY_LOG_CUT',
      `Retention has taken the log up to ${dropped[dropped.length - 1].day}: what was rated from ` +
        'it cannot be rated anew. Reconcile what is left: ems-cli reconcile.',
    );
  }
  const state = await readReplayState(ground.source);
  if (state.duties > 0) {
    return refuse(
      'REPLAY_DUTIES_OPEN',
      `${state.duties} meters wait to be rated or validated again, so what is stored is not ` +
        'final. Let the workers finish, then replay; ems-cli reconcile names those that failed.',
    );
  }
  await copyRegistry(ground);
  await copyPayments(ground);
  await copyResolutions(ground);
  for (const shard of state.shards) {
    for await (const position of copyLog(ground, shard)) {
      deps.onStep({ what: 'copied', subject: `shard ${shard.shard}`, count: Number(position) });
    }
  }
  // All data is stale then, and nobody is cut off by stale data.
  const nowMs = state.lastReceivedMs + 2 * cutDataAgeMsMax;
  const writer = await connect(ground.scratchUrl, {
    role: 'joulebook_writer',
    connectionsMax: 2,
    name: 'joulebook replay',
  });
  try {
    const { shards } = state;
    const done = await rateAll(deps, writer.sql, { shards, nowMs });
    await insertReplayDuties(ground);
    await rateAll(deps, writer.sql, { shards, nowMs });
    assert((await countCommands(ground.scratch)) === 0, 'a replay requests no command');
    return accept({ ...done, ...(await compareAll(deps, ground)) });
  } finally {
    await writer.close();
  }
}

/**
 * Rates the whole log again from the beginning, into empty tables of a scratch database, and
 * compares series, charges, transfers and balances with what is stored, all in one snapshot.
 */
export async function replayLog(deps: ReplayDeps): Promise<Outcome<ReplayReport, ReplayCode>> {
  const replayed = await withScratchDatabase(
    { url: deps.ownerUrl, name: scratchName(deps.seed), template: deps.template ?? null, migrate },
    (ground) => replayOn(deps, ground),
  );
  if (replayed !== null) return replayed.value;
  return refuse(
    'REPLAY_NEEDS_SUPERUSER',
    'The replay makes a database of its own beside the real one and writes its tables directly. ' +
      'Give the url of a superuser.',
  );
}
