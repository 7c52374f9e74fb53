import { expect, test } from 'vitest';
import { bills, dayMs, flat, hourMs, june } from '../billsGround.ts';
import type { BillsGround } from '../billsGround.ts';
import { expectReplayed } from '../marksGround.ts';
import { openDecisions, quarterHours } from './ground.ts';

const behindJune = Date.UTC(2026, 6, 20);
const noonMs = june + 14 * dayMs + 12 * hourMs;

async function missed(ground: BillsGround): Promise<readonly string[]> {
  const open = await openDecisions(ground);
  return open.flatMap(({ rule, message }) => (rule === 'missingQuantity' ? [message] : []));
}

test('what a closed bill misses is told anew with readings that complete no day', async () => {
  const ground = await bills('vee_late_for_closed', flat('1'));
  ground.clock.set(behindJune);
  await ground.read(quarterHours(june, { slots: 14 * 96 + 48, wh: 0, whOf: () => 50 }));
  await ground.accrue();
  await ground.rateAll();
  // June has 2,880 quarter hours; 1,392 are read, until noon of the fifteenth.
  expect(await missed(ground)).toEqual([
    expect.stringContaining('Nothing is known of 1488 of 2880 quarter hours'),
  ]);
  await ground.read(quarterHours(noonMs, { slots: 44, wh: 1392 * 50, whOf: () => 50 }).slice(1));
  expect(await missed(ground)).toEqual([
    expect.stringContaining('Nothing is known of 1444 of 2880 quarter hours'),
  ]);
  await expectReplayed(ground);
});
