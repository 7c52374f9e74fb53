import postgres from 'postgres';
import { expect, onTestFinished, test } from 'vitest';
import { SeededRandom } from '../simulate/seededRandom.ts';
import { bills, dayMs, flat, hourMs, june } from './billsGround.ts';
import type { BillsGround } from './billsGround.ts';
import { expectReplayed, mark, replayed } from './marksGround.ts';

/** Over the end of May, so that bills close while marks are told. */
const startMs = june - 3 * dayMs;
const hours = 6 * 24;

/** What the meter showed, made up: 400 to 600 Wh an hour, and set back once, after 60 hours. */
function shownAt(hour: number): number {
  const wh = 1_000_000 + hour * 500 + (hour % 7) * 20;
  return hour < 60 ? wh : wh - 1_020_000;
}

type Said = Parameters<typeof mark>[1];

function someMark(random: SeededRandom): Said {
  const hour = random.below(hours);
  const atMs = startMs + hour * hourMs + random.below(4) * 900_000 + random.below(2) * 61_000;
  const value = BigInt(shownAt(hour));
  const channel = random.below(3) === 0 ? null : 1 + random.below(2);
  const own = channel !== null && random.below(2) === 0;
  switch (random.below(5)) {
    case 0:
      return { atMs, channel, kind: 'installed', startValue: own ? value : null };
    case 1:
      return { atMs, channel, kind: 'removed', finalValue: own ? value : null };
    case 2: {
      const values = own ? { finalValue: value, startValue: value / 2n } : {};
      return { atMs, channel, kind: 'reset', ...values };
    }
    case 3:
      return { atMs, channel, kind: 'factor', factor: '3/2', finalValue: own ? value : null };
    default:
      return { atMs, channel, kind: 'factor', factor: '2' };
  }
}

/** Readings of both registers in a random order and grouping, marks told and taken back between. */
async function live(ground: BillsGround, random: SeededRandom): Promise<readonly string[]> {
  const rest = Array.from({ length: hours }, (_, hour) => hour).filter(() => random.below(5) > 0);
  const said: Said[] = [];
  const answers: string[] = [];
  while (rest.length > 0) {
    const isInOrder = random.below(3) > 0;
    const count = Math.min(rest.length, 1 + random.below(30));
    const from = isInOrder ? 0 : random.below(rest.length - count + 1);
    const readings = rest.splice(from, count).map((hour) => ({
      atMs: startMs + hour * hourMs + (hour % 3) * 300_000,
      wh: shownAt(hour),
    }));
    await ground.read(readings);
    if (random.below(2) === 0) await ground.read(readings, { channel: 2 });
    if (random.below(2) === 0) {
      const next = someMark(random);
      said.push(next);
      const told = await mark(ground, next);
      answers.push(told.ok ? 'told' : told.code);
    }
    if (said.length > 0 && random.below(4) === 0) {
      const { atMs, channel } = said[random.below(said.length)];
      const taken = await mark(ground, { atMs, channel: channel ?? null, kind: 'withdrawn' });
      answers.push(taken.ok ? 'taken back' : taken.code);
    }
  }
  return answers;
}

/** Seeds that once found something, and some that did not. */
const seeds = (process.env['JOULEBOOK_MARK_SEEDS'] ?? '1,2,3').split(',').map(Number);

test.each(seeds)(
  'marks told at any time leave what telling them first would have: seed %i',
  async (seed) => {
    const random = new SeededRandom(seed);
    const ground = await bills(`marks_any_order_${seed}`, flat('0.10'), (fleet) => ({
      ...fleet,
      meters: fleet.meters.map((meter) => ({
        ...meter,
        powerMaxW: 20_000,
        registerModulusWh: random.below(2) === 0 ? null : 10_000_000n,
      })),
    }));
    const answers = new Set(await live(ground, random));
    const possible = ['told', 'taken back', 'MARK_NOT_FOUND'];
    expect(possible).toEqual(expect.arrayContaining([...answers]));
    await expectReplayed(ground);
  },
);

test('planted: a mark that no walk has seen is found', async () => {
  const ground = await bills('marks_unseen', flat('0.10'));
  await ground.read([0, 1, 2, 30].map((n) => ({ atMs: startMs + n * hourMs, wh: shownAt(n) })));
  await expectReplayed(ground);
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  onTestFinished(() => owner.end());
  await owner`
    insert into register_mark (company_id, meter_id, channel, at, kind, numerator, denominator,
                               author, reason, recorded_at)
    select company_id, id, 1, ${new Date(startMs + hourMs)}, 'factor', 2, 1, 'nobody', 'planted',
           now()
    from meter`;
  const answer = await replayed(ground);
  if (!answer.ok) throw new Error(answer.message);
  const codes = new Set(answer.value.differences.map(({ code }) => code));
  expect([...codes]).toEqual(expect.arrayContaining(['HEAD_DIFFERS', 'CHARGE_DIFFERS']));
});
