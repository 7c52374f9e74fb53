import { afterAll, beforeAll, expect, test } from 'vitest';
import { quarantinedBytesMax } from '../../src/domain/limits.ts';
import { minute, openOfficeGround } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

let here: OfficeGround;
let sent = 0;

beforeAll(async () => {
  here = await openOfficeGround('quarantine_quota');
});
afterAll(() => here.close());

/** Of nobody known, three bytes each: with its row's 1,024 a kept one counts for 1,027. */
async function keptOf(count: number): Promise<number> {
  const rows = async () => {
    const [{ n }] = await here.writer.sql<[{ n: number }]>`
      select count(*)::int4 as n from batch_quarantine where edge_id is null`;
    return n;
  };
  const before = await rows();
  const garbage = Array.from({ length: count }, () => {
    sent += 1;
    return Uint8Array.of(255, sent, sent >> 8);
  });
  await here.commit(garbage);
  return (await rows()) - before;
}

async function level(): Promise<bigint> {
  const [quota] = await here.writer.sql<[{ bytes: bigint }]>`
    select kept_bytes as bytes from quarantine_quota where sender = 0`;
  return quota.bytes;
}

/** As after 64 MiB of garbage in a few minutes. */
async function fill(): Promise<void> {
  await keptOf(1);
  await here.writer.sql`
    update quarantine_quota set kept_bytes = ${quarantinedBytesMax} where sender = 0`;
}

function later(minutes: number): void {
  here.clock.set(here.clock.nowMs() + minutes * minute);
}

test('who has sent all that is kept of a sender is kept no more, and again with time', async () => {
  await fill();
  expect(await keptOf(20)).toBe(0);
  later(1);
  // 64 MiB a week are 6,657 bytes a minute.
  expect(await keptOf(20)).toBe(6);
  later(2);
  // 495 bytes were left over.
  expect(await keptOf(20)).toBe(13);
});

test('a week later all of it is free, and a year of silence frees no more', async () => {
  await fill();
  later(7 * 24 * 60 + 1);
  expect(await keptOf(3)).toBe(3);
  expect(await level()).toBe(3n * 1_027n);
  later(365 * 24 * 60);
  expect(await keptOf(2)).toBe(2);
  expect(await level()).toBe(2n * 1_027n);
});

test('clocks of two processes, one of them a minute behind, free no room by turns', async () => {
  await fill();
  later(1);
  expect(await keptOf(20)).toBe(6);
  for (let turn = 0; turn < 5; turn += 1) {
    later(-1);
    expect(await keptOf(20)).toBe(0);
    later(1);
    expect(await keptOf(20)).toBe(0);
  }
});

test('a clock that was a year ahead and is right again keeps nothing from being kept', async () => {
  later(365 * 24 * 60);
  expect(await keptOf(200)).toBe(120);
  later(-365 * 24 * 60);
  expect(await keptOf(200)).toBe(120);
});
