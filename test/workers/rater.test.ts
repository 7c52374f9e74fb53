import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askFailedDutiesAgain } from '../../src/db/setAsideDuties.ts';
import { assert } from '../../src/domain/assert.ts';
import type { Bell } from '../../src/domain/bell.ts';
import { ratingTriesMax } from '../../src/domain/limits.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import type { RatingJob } from '../../src/domain/rating/job.ts';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { ratingBackOffMs, startRater } from '../../src/workers/rater.ts';
import { openGround, startMs } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';
import { eventually } from '../support/eventually.ts';
import { commitOf, raterOptions, slotOfWh, sqlFault } from './raterGround.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('rater');
  ground.clock.push(3_600_000);
});
afterAll(() => ground.close());

/** One batch a reading of meter 3, a quarter hour apart, each 1 kWh further. */
async function commitReadings(count: number, firstWh: bigint): Promise<void> {
  const serials = Array.from({ length: count }, () => 'JB000003');
  await commitOf(ground, serials, firstWh);
}

const options = (bells: Bell[]) => raterOptions(ground, bells);

async function balance(): Promise<bigint> {
  const [row] = await ground.writer.sql<{ micros: bigint }[]>`
    select balance_micros as micros from account_balance
    where account_id = ${ground.account('A-3')}`;
  return row?.micros ?? 0n;
}

describe('the rater', () => {
  test('rates what waits at its start and what a bell tells of, and rings', async () => {
    const bells: Bell[] = [];
    await commitReadings(5, 0n);
    const rater = startRater(options(bells));
    // 4 kWh between 5 readings, at 0.30.
    await eventually(async () => expect(await balance()).toBe(-1_200_000n));
    // After the commit, which others see as soon as it is done.
    const bell = { kind: 'events', shard: ground.fleet.companyId % 4 };
    await eventually(() => expect(bells).toContainEqual(bell));
    await commitReadings(2, 5_000n);
    rater.ring();
    await eventually(async () => expect(await balance()).toBe(-1_800_000n));
    await eventually(() => expect(rater.stats()).toEqual({ batches: 7, readings: 7, failures: 0 }));
    await rater.stop();
  });

  test('goes on after failures, waits longer after each, posts nothing twice', async () => {
    const reported: unknown[] = [];
    let failuresLeft = 3;
    const rater = startRater({
      ...options([]),
      rate: (job) => {
        failuresLeft -= 1;
        return failuresLeft >= 0
          ? Promise.reject(new Error('a thread died'))
          : Promise.resolve(rateJob(job));
      },
      report: (problem) => reported.push(problem),
    });
    await commitReadings(1, 7_000n);
    rater.ring();
    await eventually(async () => expect(await balance()).toBe(-2_100_000n));
    await rater.stop();
    expect(reported).toHaveLength(3);
    expect([1, 2, 3, 4, 20, 2_000].map(ratingBackOffMs)).toEqual([
      100, 200, 400, 800, 10_000, 10_000,
    ]);
  });

  test('of two processes share the shards, and every reading is rated once', async () => {
    const raters = [startRater(options([])), startRater(options([]))];
    for (let wh = 8_000n; wh < 18_000n; wh += 1_000n) {
      await commitReadings(1, wh);
      for (const rater of raters) rater.ring();
    }
    await eventually(async () => expect(await balance()).toBe(-5_100_000n));
    for (const rater of raters) await rater.stop();
    const rated = raters.map((rater) => rater.stats());
    expect(rated[0].readings + rated[1].readings).toBe(10);
    expect(rated[0].failures + rated[1].failures).toBe(0);
  });

  test('sets a batch aside that always breaks an assertion, and rates what follows', async () => {
    const problems: string[] = [];
    const { sql } = ground.writer;
    // What is known ends where the quarter hour of this reading begins; no later batch ends there.
    const poisonedSlot = slotOfWh(20_000n);
    await commitReadings(1, 20_000n);
    const rater = startRater({
      ...options([]),
      rate: (job) => {
        const [from = 0, to = 0] = job.offsets.slice(-2);
        assert((job.firstSlot.at(-1) ?? 0) + to - from !== poisonedSlot, 'planted');
        return Promise.resolve(rateJob(job));
      },
      report: ({ error }) => problems.push(String(error)),
    });
    await eventually(async () => {
      const rows = await sql`select from batch_quarantine where code = 'RATING_FAILED'`;
      expect(rows).toHaveLength(1);
    });
    await commitReadings(2, 21_000n);
    rater.ring();
    // 17,000 Wh were rated before; 22,000 Wh is where the register stands now, at 0.30.
    await eventually(async () => expect(await balance()).toBe(-6_600_000n));
    await rater.stop();
    expect(problems.filter((problem) => problem.includes('RATING_FAILED'))).toHaveLength(1);
    expect(problems).toHaveLength(5);
  });

  test('sets a duty aside that always fails, keeps it visible, and goes on', async () => {
    const problems: string[] = [];
    const { sql } = ground.writer;
    const before = await balance();
    const firstSlot = Math.floor((startMs - 86_400_000) / 900_000);
    // Two duties of the whole bill of meter 3, one of meter 1 behind them.
    const duty = async (serial: string, reason: string): Promise<void> => {
      const meterId = ground.fleet.meters.get(serial) ?? 0;
      await sql`insert into rerate_duty (company_id, meter_id, from_day, reason)
                values (${ground.fleet.companyId}, ${meterId}, 0, ${reason})`;
    };
    await duty('JB000003', 'price_changed');
    await duty('JB000003', 'agreement_added');
    await duty('JB000001', 'readings_retried');
    let isMended = false;
    let faults = 0;
    const rater = startRater({
      ...options([]),
      rate: (job) => {
        // Planted: a bill from the first reading on, an assertion and a data error in turn.
        if (isMended || job.firstSlot.every((slot) => slot > firstSlot)) {
          return Promise.resolve(rateJob(job));
        }
        faults += 1;
        assert(faults > ratingTriesMax, 'planted');
        return Promise.reject(sqlFault('22003'));
      },
      report: ({ error }) => problems.push(String(error)),
    });
    const duties = async () => {
      const rows = await sql<{ reason: string; failure: string | null }[]>`
        select reason, failure from rerate_duty order by id`;
      return rows.map(({ reason, failure }) => `${reason}: ${failure}`);
    };
    // Our own words where Postgres speaks: it may quote values.
    const words = 'a value does not fit (SQLSTATE 22003)';
    const aside = ['price_changed: planted', `agreement_added: ${words}`];
    await eventually(async () => expect(await duties()).toEqual(aside));
    expect(problems.filter((problem) => problem.includes('RATING_FAILED'))).toHaveLength(2);
    // The shard goes on: 1 kWh more than before, at 0.30.
    await commitReadings(1, 23_000n);
    rater.ring();
    await eventually(async () => expect(await balance()).toBe(before - 300_000n));
    const audit = await sql`select subject from audit_entry where action = 'duty.failed'`;
    expect(audit).toHaveLength(2);

    const { companyId } = ground.fleet;
    const window = { companyId, meterId: null, fromMs: startMs, toMs: startMs + 1, nowMs: startMs };
    const counted = await reconcile({ sql, onStep: () => {} }, window);
    expect(counted.ok && counted.value.findings.map(({ code }) => code)).toEqual([
      'DUTY_FAILED',
      'DUTY_FAILED',
    ]);

    // Mended and asked for again, they are done and gone.
    isMended = true;
    await sql.begin((tx) => askFailedDutiesAgain(tx, { companyId, meterId: null }));
    rater.ring();
    await eventually(async () => expect(await duties()).toEqual([]));
    // Held back since 1970, east of Greenwich: validated all the same.
    const isJudged = async () => (await sql`select from vee_duty`).length === 0;
    await eventually(async () => expect(await isJudged()).toBe(true));
    await rater.stop();
    expect(await balance()).toBe(before - 300_000n);
  });

  test('of a bad duty and the batches that need it, the duty alone is set aside', async () => {
    const problems: string[] = [];
    const { sql } = ground.writer;
    const { companyId, meters } = ground.fleet;
    const before = await balance();
    const firstSlot = Math.floor((startMs - 86_400_000) / 900_000);
    await sql`insert into rerate_duty (company_id, meter_id, from_day, reason)
              values (${companyId}, ${meters.get('JB000003') ?? 0}, 0, 'register_marked')`;
    await commitReadings(2, 24_000n);
    const quarantined = async () => (await sql`select from batch_quarantine`).length;
    const batches = await quarantined();
    const planted = (job: RatingJob) => job.firstSlot.some((slot) => slot <= firstSlot);
    const rater = startRater({
      ...options([]),
      // Planted: the bill from its first reading on, which the duty asks for.
      rate: async (job) => {
        assert(!planted(job), 'planted, by a mark');
        return rateJob(job);
      },
      report: ({ error }) => problems.push(String(error)),
    });
    // 2 kWh more than before, at 0.30: both batches are rated.
    await eventually(async () => expect(await balance()).toBe(before - 600_000n));
    await rater.stop();
    const duties = await sql<{ failure: string | null }[]>`select failure from rerate_duty`;
    expect(duties.map(({ failure }) => failure)).toEqual(['planted, by a mark']);
    expect(await quarantined()).toBe(batches);
    expect(problems.at(-1)).toMatch(/RATING_FAILED: the duty of meter \d+ \(register_marked\)/);
    await sql`delete from rerate_duty`;
  });

  test('sets a validation aside that always fails, while readings keep coming', async () => {
    const { sql } = ground.writer;
    const { companyId, meters } = ground.fleet;
    const [bad, good] = ['JB000003', 'JB000001'].map((serial) => meters.get(serial) ?? 0);
    const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
    await sql`delete from vee_duty`;
    // Planted: what is found of meter 3 cannot be stored.
    await owner.unsafe(`
      create function planted() returns trigger language plpgsql as $$
        begin raise exception 'planted, in validation' using errcode = '22003'; end $$;
      create trigger planted before delete on vee_duty for each row
        when (old.meter_id = ${bad}) execute function planted()`);
    await sql`insert into vee_duty (meter_id, company_id, from_at)
              select id, company_id, ${new Date(startMs)}::timestamptz from meter
              where id = ${bad} or id = ${good}`;
    const before = await balance();
    const commits: Promise<void>[] = [];
    const rater = startRater({
      ...options([]),
      report: () => commits.push(commitReadings(1, 26_000n + BigInt(commits.length) * 1_000n)),
    });
    const duties = async () => {
      const rows = await sql<{ meterId: number; failure: string | null }[]>`
        select meter_id as "meterId", failure from vee_duty order by meter_id`;
      return rows.map(({ meterId, failure }) => `${meterId}: ${failure}`);
    };
    const aside = [`${bad}: a value does not fit (SQLSTATE 22003)`];
    await eventually(async () => expect(await duties()).toEqual(aside));
    // With each try that was told came 1 kWh; the last is told after it is set aside.
    await eventually(async () => {
      await Promise.all(commits);
      rater.ring();
      expect(commits.length).toBeGreaterThan(ratingTriesMax);
      expect(await balance()).toBe(before - 300_000n * BigInt(commits.length));
    });

    const window = { companyId, meterId: null, fromMs: startMs, toMs: startMs + 1, nowMs: startMs };
    const counted = await reconcile({ sql, onStep: () => {} }, window);
    expect(counted.ok && counted.value.findings).toMatchObject([
      {
        code: 'DUTY_FAILED',
        subject: `meter/${bad}`,
        message: expect.stringContaining('validating it failed'),
      },
    ]);
    const audit = await sql`
      select after->>'reason' as reason from audit_entry
      where action = 'duty.failed' and after->>'reason' = 'validation'`;
    expect([...audit]).toEqual([{ reason: 'validation' }]);

    await owner.unsafe('drop function planted cascade');
    await owner.end();
    await sql.begin((tx) => askFailedDutiesAgain(tx, { companyId, meterId: bad }));
    rater.ring();
    await eventually(async () => expect(await duties()).toEqual([]));
    await rater.stop();
  });
});
