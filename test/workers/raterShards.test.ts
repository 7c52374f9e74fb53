import { expect, test } from 'vitest';
import { connect } from '../../src/db/connect.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { commitBatches } from '../../src/operations/commitBatches.ts';
import { startRater } from '../../src/workers/rater.ts';
import { BatchMaker } from '../support/build/edge.ts';
import { buildFleet } from '../support/build/fleet.ts';
import { eventually } from '../support/eventually.ts';
import { freshDatabase } from '../support/postgres.ts';

/** The two shards are told apart by the days of their readings. */
const firstMs = [Date.UTC(2026, 2, 1), Date.UTC(2026, 2, 8)] as const;
const nowMs = Date.UTC(2026, 2, 9);
const quarterMs = 900_000;

/** Of the moment: what comes of our own code is set aside. */
const lost = Object.assign(new Error('planted'), { code: 'CONNECTION_CLOSED' });

test.each(['is always behind', 'fails each time'])(
  'a shard that %s keeps no other shard waiting',
  async (way) => {
    const { url } = await freshDatabase('rater_shards');
    const { sql, close } = await connect(url, {
      role: 'joulebook_writer',
      connectionsMax: 6,
      name: 'shards',
    });
    const clock = { nowMs: () => nowMs };
    const homes = await Promise.all(
      [0, 1].map(async (logShard) => {
        const company = `Grid ${logShard}`;
        const fleet = await buildFleet(sql, { company, logShard, meters: 1 });
        const maker = new BatchMaker(fleet.edge, { edgeId: fleet.edgeId });
        const meterId = fleet.meters.get('M1') ?? 0;
        return { meterId, companyId: fleet.companyId, maker };
      }),
    );
    let sent = 0;
    const send = async (shard: 0 | 1): Promise<void> => {
      const { maker, meterId } = homes[shard];
      const rows = [0, 1].map((step) => ({
        meterId,
        atMs: firstMs[shard] + (2 * sent + step) * quarterMs,
        wh: 2 * sent + step,
      }));
      sent += 1;
      const [answer] = await commitBatches({ sql, clock }, [maker.readings(rows)]);
      expect(answer.ok).toBe(true);
    };
    const position = async (shard: number): Promise<bigint> => {
      const [row] = await sql<[{ position: bigint }]>`
        select position from rating_cursor where shard = ${shard}`;
      return row.position;
    };
    const tried = Promise.withResolvers<void>();
    let isMended = false;
    await send(0);
    const rater = startRater({
      sql,
      clock,
      rate: async (job) => {
        if (!isMended && job.firstSlot.some((slot) => slot * quarterMs < firstMs[1])) {
          tried.resolve();
          if (way === 'fails each time') throw lost;
          await send(0);
        }
        return rateJob(job);
      },
      wake: () => {},
      report: () => {},
      sweepMs: 50,
    });
    await tried.promise;
    await send(1);
    rater.ring();
    await eventually(async () => expect(await position(1)).toBe(1n));
    isMended = true;
    await eventually(async () => expect(await position(0)).toBeGreaterThanOrEqual(1n));
    await rater.stop();
    await close();
  },
);
