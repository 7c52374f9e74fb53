import { expect, test } from 'vitest';
import { pageTransfers } from '../../src/db/accountReads.ts';
import { firstMs, movingWorld, the12th } from './prepaid/movingGround.ts';

/** Oldest first, with the balance behind each as a statement works it back from that of now. */
async function statementOf({ ground, ...w }: Awaited<ReturnType<typeof movingWorld>>) {
  const page = { after: null, before: null, limit: 100, inverted: false };
  const newest = await pageTransfers(ground.database.sql, w.accountOf('first'), page);
  let balanceMicros = (await w.balance('first')) ?? 0n;
  const rows = newest.map(({ code, amountMicros }) => {
    const row = `${code} ${balanceMicros}`;
    balanceMicros -= amountMicros;
    return row;
  });
  return rows.toReversed();
}

/** 10 kWh at 0.30 used up all but a cent; then a payment, then one more kWh. */
async function used(name: string) {
  const w = await movingWorld(name);
  await w.buy('first', '3.01');
  await w.read(firstMs, 0);
  await w.read(the12th, 10_000);
  return w;
}

const laterMs = the12th + 15 * 60_000;
const before = ['top_up 3010000', 'energy 10000'];

test('what is rated in the millisecond of a payment, behind it, stands behind it', async () => {
  const w = await used('statement_instant');
  w.ground.clock.set(laterMs);
  await w.buy('first', '20.00');
  await w.read(laterMs, 11_000);
  // Never below zero: the cent was not what the last kWh was taken from.
  expect(await statementOf(w)).toEqual([...before, 'top_up 20010000', 'energy 19710000']);
  await w.buy('first', '1.00');
  expect((await statementOf(w)).at(-1)).toBe('top_up 20710000');
});

test('also when the rater began before the payment, and waited for its account', async () => {
  const w = await used('statement_waited');
  w.ground.clock.set(laterMs + 5);
  await w.buy('first', '20.00');
  w.ground.clock.set(laterMs);
  await w.ground.read([{ atMs: laterMs, wh: 11_000 }]);
  expect(await statementOf(w)).toEqual([...before, 'top_up 20010000', 'energy 19710000']);
});

test('a deposit, which leaves the balance alone, takes its turn among the others', async () => {
  const w = await used('statement_deposit');
  w.ground.clock.set(laterMs);
  await w.deposit('first', '50.00');
  await w.buy('first', '20.00');
  await w.deposit('first', '1.00');
  await w.read(laterMs, 11_000);
  expect(await statementOf(w)).toEqual([
    ...before,
    'deposit_taken 10000',
    'top_up 20010000',
    'deposit_taken 20010000',
    'energy 19710000',
  ]);
});
