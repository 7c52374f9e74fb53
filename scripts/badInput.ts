import { connect } from '../src/db/connect.ts';
import type { Database } from '../src/db/connect.ts';
import { ensureLogPartitions } from '../src/db/log.ts';
import { rateJob } from '../src/domain/rating/job.ts';
import { commitBatches } from '../src/operations/commitBatches.ts';
import { createRatingMemory } from '../src/operations/rating/registry.ts';
import { rateReadings } from '../src/operations/rateReadings.ts';
import { BatchMaker, importBlock, testEdge } from '../test/support/build/edge.ts';
import { buildFleet } from '../test/support/build/fleet.ts';
import { startThrowawayDatabase } from './replay/database.ts';

/**
 * `npm run bad-input`: sends readings and batches that must not be billed through the production
 * operations on a Postgres of its own, and shows what becomes of each: its code, what to do, and
 * that the good readings beside it are billed as if it had never come.
 */

const nowMs = Date.UTC(2026, 5, 1, 13);
const noonMs = Date.UTC(2026, 5, 1, 12);
const minuteMs = 60_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function tell(database: Database): Promise<void> {
  const rows = await database.sql<{ code: string; message: string }[]>`
    select code, message from reading_exception order by read_at, code`;
  say('\nreadings of accepted batches that are not billed (query readingExceptions):');
  for (const row of rows) say(`  ${row.code.padEnd(24)} ${row.message}`);
  const refused = await database.sql<{ code: string; message: string }[]>`
    select code, message from batch_quarantine order by code`;
  say('\nbatches that are not accepted, kept with their bytes (query quarantinedBatches):');
  for (const row of refused) say(`  ${row.code.padEnd(24)} ${row.message}`);
  const [books] = await database.sql<[{ owed: bigint; entries: bigint; readings: bigint }]>`
    select (select -sum(balance_micros) from account_balance)::int8 as owed,
           (select sum(amount_micros) from ledger_entry)::int8 as entries,
           (select sum(reading_count) from batch_log)::int8 as readings`;
  say(`\n${books.readings} readings in the log, none lost; entries sum to ${books.entries};`);
  say(`charged ${books.owed} micros: 100 Wh and 60 Wh of the good readings at 0.30 a kWh.`);
}

async function run(database: Database): Promise<void> {
  const clock = { nowMs: () => nowMs };
  const { sql } = database;
  await ensureLogPartitions(sql, { nowMs, days: 1 });
  const fleet = await buildFleet(sql, { meters: 2 });
  const [meterId, other] = fleet.meters.values();
  const maker = new BatchMaker(fleet.edge, { edgeId: fleet.edgeId });
  const good = maker.readings([
    { meterId, atMs: noonMs, wh: 1_000 },
    { meterId, atMs: noonMs + 15 * minuteMs, wh: 1_100 },
    { meterId: other, atMs: noonMs, wh: 500 },
  ]);
  const mixed = maker.sign([
    importBlock([
      { meterId: 4_711, atMs: noonMs, wh: 1 },
      { meterId, atMs: noonMs + 30 * minuteMs, wh: 900 },
      { meterId, atMs: noonMs + 45 * minuteMs, wh: 9_000_000 },
      { meterId, atMs: nowMs + 60 * minuteMs, wh: 1_200 },
      { meterId: other, atMs: noonMs + 20 * minuteMs, wh: 560 },
    ]),
    { ...importBlock([{ meterId: other, atMs: noonMs + 25 * minuteMs, wh: 570 }]), unit: 27 },
  ]);
  const changed = Uint8Array.from(mixed);
  changed[40] ^= 1;
  const stranger = new BatchMaker(testEdge(), { edgeId: fleet.edgeId });
  const again = new BatchMaker(fleet.edge, { edgeId: fleet.edgeId });
  const sent: readonly (readonly [string, Uint8Array])[] = [
    ['two good meters', good],
    ['the same batch again', good],
    ['a good reading among five bad ones', mixed],
    ['one bit changed on the way', changed],
    [
      'signed by a key that nobody registered',
      stranger.readings([{ meterId, atMs: noonMs, wh: 1 }]),
    ],
    ['another content under a used sequence', again.readings([{ meterId, atMs: noonMs, wh: 7 }])],
    ['noise', Uint8Array.of(1, 2, 3)],
  ];
  for (const [what, bytes] of sent) {
    const [answer] = await commitBatches({ sql, clock }, [bytes]);
    say(`${what.padEnd(42)} ${answer.ok ? answer.value.state : answer.code}`);
  }
  const memory = createRatingMemory();
  const rate = async (job: Parameters<typeof rateJob>[0]) => rateJob(job);
  for (let more = true; more;) {
    ({ more } = await rateReadings({ sql, clock, rate, memory }, { shard: 0 }));
  }
  await tell(database);
}

const place = await startThrowawayDatabase();
if (place.ok) {
  const name = 'bad input';
  const options = { role: 'joulebook_writer', connectionsMax: 3, name } as const;
  const database = await connect(place.value.url, options);
  try {
    await run(database);
  } finally {
    await database.close();
    await place.value.stop();
  }
} else {
  process.stderr.write(`${place.code}: ${place.message}\n`);
  process.exitCode = 1;
}
