import postgres from 'postgres';
import { expect, onTestFinished, test } from 'vitest';
import { qualityVoid } from '../../src/domain/series/quality.ts';
import { SeededRandom } from '../simulate/seededRandom.ts';
import { bills, flat, hourMs, june } from './billsGround.ts';
import type { BillsGround } from './billsGround.ts';
import { expectReplayed, mark, replayed } from './marksGround.ts';

const minuteMs = 60_000;
const slotMs = 15 * minuteMs;
/** Import, export, and two phases: registers of one meter that are walked alike. */
const channels = [1, 2, 21, 41];
const startMs = june - 10 * hourMs;

type Reading = { atMs: number; wh: number; quality: number; revision: number };

/** What a register shows, made up: it grows, and now and then it shows what cannot be. */
class Register {
  readonly #random: SeededRandom;
  #atMs: number;
  #wh = 5_000;
  #last: Reading | null = null;
  #edits = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#atMs = startMs + random.below(60) * 1000;
  }

  #later(): number {
    const random = this.#random;
    switch (random.below(12)) {
      case 0:
        return (Math.floor(this.#atMs / slotMs) + 1) * slotMs;
      case 1:
        return this.#atMs + random.below(3) * hourMs;
      case 2:
        return this.#atMs + random.below(40) * minuteMs;
      default:
        return this.#atMs + 1000 + random.below(110) * 1000;
    }
  }

  next(): Reading {
    const random = this.#random;
    const kind = random.below(30);
    const quality = random.below(8) === 0 ? random.below(3) : 0;
    if (this.#last !== null && kind < 4) {
      const { atMs } = this.#last;
      // Late, the same again as somebody else says it, an edit of it, and nothing in its place.
      if (kind === 0) {
        const lateMs = atMs - random.below(1500) * 1000;
        return { atMs: lateMs, wh: this.#wh - random.below(60), quality, revision: 0 };
      }
      if (kind === 1) return { ...this.#last, wh: this.#wh + random.below(30), quality };
      this.#edits += 1;
      const edited = kind === 2 ? 0 : qualityVoid;
      const wh = this.#wh + random.below(20);
      return { atMs, wh, quality: edited, revision: this.#edits };
    }
    const beforeMs = this.#atMs;
    this.#atMs = this.#later();
    this.#wh += Math.ceil(((this.#atMs - beforeMs) / hourMs) * random.below(3_000));
    const isWrong = random.below(20) === 0;
    const wh = isWrong ? Math.max(0, this.#wh + (random.below(2) === 0 ? 90_000 : -900)) : this.#wh;
    this.#last = { atMs: this.#atMs, wh, quality, revision: 0 };
    return this.#last;
  }
}

async function someMark(ground: BillsGround, random: SeededRandom, atMs: number): Promise<void> {
  const channel = random.below(3) === 0 ? null : channels[random.below(channels.length)];
  const own = channel !== null && random.below(2) === 0;
  const value = own ? 6_000n : null;
  const kind = random.below(2) === 0 ? 'factor' : 'reset';
  const startValue = kind === 'reset' ? value : null;
  const factor = kind === 'factor' ? '3/2' : null;
  await mark(ground, { atMs, channel, kind, finalValue: value, startValue, factor });
}

/** A commit for each reading of each register, as live readings come. */
async function live(ground: BillsGround, random: SeededRandom, steps: number): Promise<number> {
  const registers = channels.map(() => new Register(random));
  let readings = 0;
  for (let step = 0; step < steps; step += 1) {
    const at = random.below(channels.length);
    const count = random.below(5) === 0 ? 3 : 1;
    const rows = Array.from({ length: count }, () => registers[at].next());
    readings += rows.length;
    await ground.read(rows, {
      channel: channels[at],
      revision: Int32Array.from(rows, ({ revision }) => revision),
    });
    const last = rows[rows.length - 1];
    if (random.below(40) === 0)
      await someMark(ground, random, last.atMs - random.below(4) * slotMs);
  }
  return readings;
}

/** Edits come from an office: here the readings do too. */
async function openGround(name: string): Promise<{ ground: BillsGround; owner: postgres.Sql }> {
  const ground = await bills(name, flat('0.30'));
  const owner = postgres(ground.url, { max: 1, onnotice: () => {} });
  onTestFinished(() => owner.end());
  await owner`update edge set kind = 'office'`;
  return { ground, owner };
}

test.each([1, 2, 3])(
  'readings of an open slot, one a commit, leave what all at once leave: seed %i',
  async (seed) => {
    const { ground, owner } = await openGround(`open_slot_${seed}`);
    const readings = await live(ground, new SeededRandom(seed), 140);
    await expectReplayed(ground);
    // The case is worth something: most readings wrote no day.
    const [row] = await owner<{ writes: number }[]>`
      select sum(revision)::int4 as writes from series_day`;
    expect(row.writes).toBeLessThan(0.75 * readings);
  },
);

test('a replay finds a newest reading that was lost, or is another', async () => {
  const { ground, owner } = await openGround('open_slot_lost');
  const at = (second: number, wh: number) => ({ atMs: startMs + second * 1000, wh });
  await ground.read([at(0, 5_000)]);
  await ground.read([at(5, 5_002)]);
  await ground.read([at(10, 5_004)]);
  const [day] = await owner<{ revision: number }[]>`select revision from series_day`;
  expect(day).toMatchObject({ revision: 1 });
  await expectReplayed(ground);
  const [head] = await owner<{ newest: Uint8Array }[]>`select newest from series_head`;
  const other = Uint8Array.from(head.newest);
  other[20] ^= 1; // its row in the batch
  for (const newest of [null, other]) {
    await owner`update series_head set newest = ${newest}`;
    expect(await replayed(ground)).toMatchObject({
      ok: true,
      value: { differenceCount: 1, differences: [{ code: 'SERIES_DIFFERS' }] },
    });
  }
});

test('a reading behind an unbelieved first one of the slot keeps the day before', async () => {
  const { ground } = await openGround('open_slot_doubted');
  const day = june - 24 * hourMs;
  await ground.read([{ atMs: day - hourMs, wh: 5_000 }]);
  // The first reading of the next day jumps; the second of its slot goes on.
  await ground.read([{ atMs: day, wh: 900_000 }]);
  await ground.read([{ atMs: day + minuteMs, wh: 5_100 }]);
  await ground.read([{ atMs: day + 24 * hourMs, wh: 6_000 }]);
  await expectReplayed(ground);
});

test('one commit has readings of an open slot and the first one of another meter', async () => {
  const ground = await bills('open_slot_beside', flat('0.30'), (fleet) => ({
    ...fleet,
    servicePoints: fleet.servicePoints.flatMap((each) => [each, { ...each, name: 'point 2' }]),
    meters: fleet.meters.flatMap((each) => [
      each,
      { ...each, serial: 'M2', servicePoint: 'point 2' },
    ]),
    customers: fleet.customers.flatMap((each) => [
      each,
      { name: 'customer 2', accounts: [{ number: 'A2', currency: 'EUR' }] },
    ]),
    agreements: fleet.agreements.flatMap((each) => [
      each,
      { ...each, account: 'A2', servicePoint: 'point 2' },
    ]),
  }));
  const at = (minute: number, wh: number, meter = 'M1') => ({
    meter,
    wh,
    atMs: startMs + minute * minuteMs,
  });
  await ground.read([at(0, 5_000)]);
  await ground.read([at(1, 5_010)]);
  await ground.read([at(2, 5_020), at(1, 700, 'M2'), at(2, 750, 'M2')]);
  // 20 Wh and 50 Wh at 0.30 a kWh.
  expect(await ground.charges()).toEqual([
    { period: '2026-05', micros: 21_000n, wh: 70n, open: true },
  ]);
  await expectReplayed(ground);
});
