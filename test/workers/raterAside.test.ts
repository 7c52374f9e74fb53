import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ratingTriesMax } from '../../src/domain/limits.ts';
import { rateJob } from '../../src/domain/rating/job.ts';
import { startRater } from '../../src/workers/rater.ts';
import { openGround } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';
import { eventually } from '../support/eventually.ts';
import { commitOf, raterOptions, slotOfWh, sqlFault } from './raterGround.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('rater_aside');
  ground.clock.push(3_600_000);
});
afterAll(() => ground.close());

const commitOne = (wh: bigint) => commitOf(ground, ['JB000003'], wh);
const options = () => raterOptions(ground, []);

/** Of meter 3. */
async function registerWh(): Promise<bigint> {
  const [row] = await ground.writer.sql<{ wh: bigint }[]>`
    select last_value_wh as wh from series_head
    where meter_id = ${ground.fleet.meters.get('JB000003') ?? 0}`;
  return row?.wh ?? 0n;
}

test('finds those that always fail in one group by going through it once', async () => {
  const { sql } = ground.writer;
  const { meters } = ground.fleet;
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  const problems: string[] = [];
  const [one, two] = ['JB000001', 'JB000002'].map((serial) => meters.get(serial) ?? 0);
  // Planted: nothing of these two meters can be stored.
  await owner.unsafe(`
    create function planted() returns trigger language plpgsql as $$
      begin raise exception 'planted, in the series' using errcode = '22003'; end $$;
    create trigger planted before insert on series_day for each row
      when (new.meter_id in (${one}, ${two})) execute function planted()`);
  const serials = [3, 3, 3, 3, 1, 3, 3, 2, 3].map((number) => `JB00000${number}`);
  await commitOf(ground, serials, 60_000n);
  const rater = startRater({
    ...options(),
    report: ({ error }) => problems.push(String(error)),
  });
  await eventually(async () => expect(await registerWh()).toBe(68_000n));
  await rater.stop();
  await owner.unsafe('drop function planted cascade');
  await owner.end();
  const held = await sql<{ meterId: number }[]>`
    select meter_id as "meterId" from reading_exception
    where code = 'RATING_FAILED' and meter_id in (${one}, ${two}) order by meter_id`;
  expect(held.map(({ meterId }) => meterId)).toEqual([one, two]);
  // The group once, then each of the two alone until it is set aside, which is told, too.
  expect(problems).toHaveLength(1 + 2 * (ratingTriesMax + 1));
  expect(problems.filter((problem) => problem.includes('RATING_FAILED'))).toHaveLength(2);
});

test.each([
  ['a type', 70_000n, new TypeError('planted, by 4711'), 'our own code broke on it (TypeError)'],
  ['a rule of SQL', 73_000n, sqlFault('21000'), 'the database answers SQLSTATE 21000'],
])('sets a batch aside that always breaks %s, in our own words', async (_, at, fault, words) => {
  const { sql } = ground.writer;
  const poisonedSlot = slotOfWh(at);
  await commitOne(at);
  const rater = startRater({
    ...options(),
    rate: async (job) => {
      const [from = 0, to = 0] = job.offsets.slice(-2);
      if ((job.firstSlot.at(-1) ?? 0) + to - from === poisonedSlot) throw fault;
      return rateJob(job);
    },
  });
  const aside = async () => {
    const rows = await sql<{ message: string }[]>`
      select message from batch_quarantine where code = 'RATING_FAILED'`;
    return rows.map(({ message }) => message);
  };
  await eventually(async () => {
    expect(await aside()).toContainEqual(expect.stringContaining(`not be rated: ${words}.`));
  });
  await commitOne(at + 1_000n);
  rater.ring();
  await eventually(async () => expect(await registerWh()).toBe(at + 1_000n));
  await rater.stop();
  expect((await aside()).join()).not.toContain('4711');
});

test.each(['57014', 'CONNECTION_CLOSED', '42P01'])(
  'sets nothing aside for what is of the moment: %s',
  async (code) => {
    const { sql } = ground.writer;
    const aside = async () => (await sql`select from batch_quarantine`).length;
    const before = await aside();
    const nextWh = (await registerWh()) + 1_000n;
    let failuresLeft = ratingTriesMax + 1;
    await commitOne(nextWh);
    const rater = startRater({
      ...options(),
      rate: async (job) => {
        failuresLeft -= 1;
        if (failuresLeft >= 0) throw sqlFault(code);
        return rateJob(job);
      },
    });
    await eventually(async () => expect(await registerWh()).toBe(nextWh));
    await rater.stop();
    expect(await aside()).toBe(before);
  },
);

test('a look at rows held back goes on batch by batch behind one that failed', async () => {
  const { sql } = ground.writer;
  const { companyId, meters } = ground.fleet;
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  const problems: string[] = [];
  const serials = Array.from({ length: 6 }, () => 'JB000003');
  // Of tomorrow: each waits until its time has come, and the fifth can never be noted.
  await commitOf(ground, serials, 120_000n);
  const rater = startRater({
    ...options(),
    report: ({ error }) => problems.push(String(error)),
  });
  const early = () => sql`select from reading_exception where code = 'READING_IN_FUTURE'`;
  await eventually(async () => expect(await early()).toHaveLength(6));
  await owner.unsafe(`
    create function planted() returns trigger language plpgsql as $$
      begin raise exception 'planted, of a row' using errcode = '22003'; end $$;
    create trigger planted before insert on exception_resolution for each row
      when (new.sequence = 5) execute function planted()`);
  ground.clock.push(2 * 86_400_000);
  await sql`insert into rerate_duty (company_id, meter_id, from_day, reason)
            values (${companyId}, ${meters.get('JB000003') ?? 0}, 0, 'readings_retried')`;
  rater.ring();
  const aside = () => sql`select from rerate_duty where failed_at is not null`;
  await eventually(async () => expect(await aside()).toHaveLength(1));
  await rater.stop();
  await owner.unsafe('drop function planted cascade');
  await owner.end();
  expect(await registerWh()).toBe(123_000n);
  expect(problems).toHaveLength(1 + ratingTriesMax + 1);
});
