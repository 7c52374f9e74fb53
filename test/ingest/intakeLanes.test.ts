import { expect, test } from 'vitest';
import { createLanes } from '../../src/ingest/intakeLanes.ts';
import type { Lanes, Waiting } from '../../src/ingest/intakeLanes.ts';

const limits = { batchesMax: 64, bytesMax: 6_400, laneBatchesMax: 64, laneBytesMax: 6_400 };

function waiting(lane: string, given: { bytes?: number; isAlone?: boolean } = {}): Waiting {
  const { bytes = 10, isAlone = false } = given;
  return { lane, isAlone, carried: new Uint8Array(bytes) };
}

function lanesOf(items: readonly Waiting[]): Lanes<Waiting> {
  const lanes = createLanes<Waiting>(limits);
  for (const item of items) lanes.add(item);
  return lanes;
}

/** The lanes of what is taken in so many groups, while each of `busy` is never empty. */
function groupsOf(lanes: Lanes<Waiting>, busy: readonly string[], count: number): string[] {
  return Array.from({ length: count }, () => {
    const taken = lanes.take({ batchesMax: 8, bytesMax: 100 });
    for (const item of taken) lanes.release(item);
    for (const name of busy) for (const _ of [1, 2, 3, 4]) lanes.add(waiting(name));
    return taken.map(({ lane }) => lane).join('');
  });
}

test.each([
  ['that goes alone', waiting('x', { isAlone: true })],
  ['that is too large for what others have begun', waiting('x', { bytes: 95 })],
])('a batch %s is next, however busy the other lanes are', (_, item) => {
  const lanes = lanesOf([waiting('a'), waiting('b'), waiting('a'), waiting('b'), item]);
  const [first, second, third] = groupsOf(lanes, ['a', 'b'], 3);
  expect([first, second]).toEqual(['ab', 'x']);
  // It cuts one group, not every one.
  expect(third).toBe('abababab');
});

test('what is put back goes on where it was', () => {
  const lanes = lanesOf([waiting('a'), waiting('b'), waiting('c')]);
  const taken = lanes.take({ batchesMax: 2, bytesMax: 100 });
  expect(taken.map(({ lane }) => lane)).toEqual(['a', 'b']);
  lanes.putBack(taken);
  expect(lanes.takeAll().map(({ lane }) => lane)).toEqual(['a', 'b', 'c']);
});
