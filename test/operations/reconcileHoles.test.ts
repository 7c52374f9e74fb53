import { afterAll, beforeAll, expect, test } from 'vitest';
import { reconcile } from '../../src/operations/reconcile/reconcile.ts';
import { BatchMaker } from '../support/build/edge.ts';
import { minute, noon, openOfficeGround } from './officeGround.ts';
import type { OfficeGround } from './officeGround.ts';

const hour = 60 * minute;
let here: OfficeGround;
let epoch = 1;

beforeAll(async () => {
  here = await openOfficeGround('reconcile_holes');
});
afterAll(() => here.close());

function edgeId(): number {
  return here.fleet.edges.get('edge 1')?.edgeId ?? 0;
}

/** A chain of its own, of batches without readings. */
function chain(count: number): Uint8Array[] {
  epoch += 1;
  const maker = new BatchMaker(here.edges[0], { edgeId: edgeId(), epoch });
  return Array.from({ length: count }, () => maker.sign([]));
}

/** Another batch of this number in the chain, with other content. */
function twin(sequence: number): Uint8Array {
  const maker = new BatchMaker(here.edges[0], { edgeId: edgeId(), epoch });
  for (let n = 1; n < sequence; n += 1) maker.sign([]);
  return maker.sign([], noon);
}

async function missing() {
  const { companyId } = here.fleet;
  const nowMs = here.clock.nowMs();
  const window = { companyId, meterId: null, fromMs: noon, toMs: noon + hour, nowMs };
  const done = await reconcile({ sql: here.writer.sql, onStep: () => {} }, window);
  if (!done.ok) throw new Error(done.message);
  const subject = `edge/${edgeId()}/1/${epoch}`;
  const [edge] = done.value.edges.filter((each) => each.epoch === epoch);
  return {
    codes: done.value.findings.filter((each) => each.subject === subject).map(({ code }) => code),
    missing: edge.missing,
    refused: edge.refused,
  };
}

function later(ms: number): void {
  here.clock.set(here.clock.nowMs() + ms);
}

test('a hole is an alarm an hour after it was known, however busy its edge is', async () => {
  const [first, , third, fourth, , sixth] = chain(6);
  await here.commit([first, third]);
  later(hour);
  await here.commit([fourth]);
  expect(await missing()).toEqual({ codes: [], missing: 1n, refused: 0n });
  later(1);
  expect(await missing()).toEqual({ codes: ['BATCHES_MISSING'], missing: 1n, refused: 0n });
  await here.commit([sixth]);
  expect(await missing()).toEqual({ codes: ['BATCHES_MISSING'], missing: 2n, refused: 0n });
});

test('a hole that is filled is no alarm, and a younger one beside it none yet', async () => {
  const [first, second, third, , fifth] = chain(5);
  await here.commit([first, third]);
  later(hour + 1);
  await here.commit([second, fifth]);
  expect(await missing()).toEqual({ codes: [], missing: 1n, refused: 0n });
});

test('a refused batch whose number was taken by another hides no hole', async () => {
  const [first, , third] = chain(3);
  await here.commit([first, third]);
  expect(await here.commit([twin(1)])).toEqual(['BATCH_SEQUENCE_REUSED']);
  later(hour + 1);
  expect(await missing()).toEqual({ codes: ['BATCHES_MISSING'], missing: 1n, refused: 0n });
});

test('a refused batch explains the hole that it left, and no other', async () => {
  const [first, , third, , fifth] = chain(5);
  await here.commit([first, third, fifth]);
  expect(await here.commit([twin(2)])).toEqual(['BATCH_CHAIN_BROKEN']);
  later(hour + 1);
  expect(await missing()).toEqual({ codes: ['BATCHES_MISSING'], missing: 2n, refused: 1n });
  expect(await here.commit([twin(4)])).toEqual(['BATCH_CHAIN_BROKEN']);
  expect(await missing()).toEqual({ codes: [], missing: 2n, refused: 2n });
});
