import { afterEach, describe, expect, test } from 'vitest';
import { systemBusClock } from '../../src/devices/busClock.ts';
import { createIntake } from '../../src/ingest/intake.ts';
import type { Intake, IntakeOptions } from '../../src/ingest/intake.ts';
import { parseEdgeId } from '../../src/domain/ids.ts';
import { accept, refuse } from '../../src/domain/outcome.ts';
import type { CommitAnswer } from '../../src/operations/commitBatches.ts';
import { makeBatch } from '../support/build/chainMaker.ts';
import { testEdge } from '../support/build/edge.ts';
import { eventually } from '../support/eventually.ts';
import { refusedConnection } from './intakeGround.ts';

/** The queue alone: what a commit does is played by the test. */

const edges = [testEdge(), testEdge(), testEdge()];
const intakes: Intake[] = [];
afterEach(async () => {
  await Promise.all(intakes.splice(0).map((intake) => intake.stop(0)));
});

/** The number of its sender and its own number there, as text. */
function batchOf(sender: number, sequence: number): Uint8Array {
  const { carried } = makeBatch(edges[sender], { edgeId: sender + 1, sequence: BigInt(sequence) });
  names.set(Buffer.from(carried).toString('hex'), `${sender}/${sequence}`);
  return carried;
}
const names = new Map<string, string>();
function nameOf(carried: Uint8Array): string {
  return names.get(Buffer.from(carried).toString('hex')) ?? 'unknown';
}

function committed(): CommitAnswer {
  const edgeId = parseEdgeId(1);
  if (!edgeId.ok) throw new Error(edgeId.message);
  const place = { edgeId: edgeId.value, stream: 'billing', epoch: 1, sequence: 1n } as const;
  const hash = new Uint8Array(32);
  return accept({ ...place, hash, contiguous: 1n, missing: [], state: 'committed', position: 1n });
}

type Gate = {
  readonly groups: string[][];
  /** Lets the oldest commit that waits end, or fail. */
  open(error?: Error): void;
  readonly waiting: () => number;
};

function gatedIntake(options: Partial<IntakeOptions> = {}): { intake: Intake; gate: Gate } {
  const groups: string[][] = [];
  const gates: ((error?: Error) => void)[] = [];
  const intake = createIntake({
    commit: (carried) => {
      groups.push(carried.map(nameOf));
      const { promise, resolve, reject } = Promise.withResolvers<readonly CommitAnswer[]>();
      gates.push((error) =>
        error === undefined ? resolve(carried.map(committed)) : reject(error),
      );
      return promise;
    },
    clock: { ...systemBusClock(), sleep: () => Promise.resolve() },
    onCommitted: () => {},
    report: () => {},
    ...options,
    limits: { commitsAtOnceMax: 1, ...options.limits },
  });
  intakes.push(intake);
  const open = (error?: Error): void => gates.shift()?.(error);
  return { intake, gate: { groups, open, waiting: () => gates.length } };
}

type Offered = { readonly isFull: boolean; readonly kind: Promise<string> };

function offerFrom(intake: Intake, carried: Uint8Array, source: string): Offered {
  const offered = intake.offer(carried, source);
  if (offered === 'full') return { isFull: true, kind: Promise.resolve('full') };
  return { isFull: false, kind: offered.then(({ kind }) => kind) };
}

function offer(intake: Intake, sender: number, sequence: number): Offered {
  return offerFrom(intake, batchOf(sender, sequence), `10.0.0.${sender}`);
}

function settled(offers: readonly Offered[]): Promise<string[]> {
  return Promise.all(offers.map(({ kind }) => kind));
}

test('what queues during a commit goes into the next one together', async () => {
  const { intake, gate } = gatedIntake();
  const offers = [offer(intake, 0, 1)];
  for (let sequence = 2; sequence <= 5; sequence += 1) offers.push(offer(intake, 0, sequence));
  gate.open();
  await eventually(() => expect(gate.groups.length).toBe(2));
  gate.open();
  expect(await settled(offers)).toEqual(Array.from({ length: 5 }, () => 'answered'));
  expect(gate.groups).toEqual([['0/1'], ['0/2', '0/3', '0/4', '0/5']]);
  expect(intake.stats()).toMatchObject({ batches: 0, bytes: 0, committed: 5, commits: 2 });
});

describe('fairness', () => {
  test('a flooding sender waits for its own, others are taken in turn', async () => {
    const { intake, gate } = gatedIntake({ limits: { commitBatchesMax: 4 } });
    offer(intake, 0, 1);
    for (let sequence = 2; sequence <= 50; sequence += 1) offer(intake, 0, sequence);
    offer(intake, 1, 1);
    offer(intake, 2, 1);
    gate.open();
    await eventually(() => expect(gate.groups.length).toBe(2));
    expect(gate.groups[1]).toEqual(['0/2', '1/1', '2/1', '0/3']);
  });

  test('however full some lanes are, there is room for the next sender', () => {
    const { intake } = gatedIntake({ limits: { batchesMax: 16 } });
    const taken = [0, 1].map((sender) => {
      let count = 0;
      while (!offer(intake, sender, count + 1).isFull) count += 1;
      return count;
    });
    expect(taken).toEqual([8, 4]);
    expect(offer(intake, 2, 1).isFull).toBe(false);
  });

  test('a stranger who names a good key does not take its place in the queue', async () => {
    const { intake, gate } = gatedIntake({ limits: { laneBatchesMax: 2 } });
    // From one address, as behind a proxy. The first has signed well before.
    const first = offerFrom(intake, batchOf(0, 1), 'proxy');
    gate.open();
    expect(await settled([first])).toEqual(['answered']);
    const strangers = [1, 2, 3].map((sequence) => offerFrom(intake, batchOf(1, sequence), 'proxy'));
    expect(strangers.map(({ isFull }) => isFull)).toEqual([false, false, true]);
    expect(offerFrom(intake, batchOf(0, 2), 'proxy').isFull).toBe(false);
  });
});

describe('a stranger who names good keys', () => {
  test('has one lane, as others whose keys never signed well from there', async () => {
    const { intake, gate } = gatedIntake({ limits: { laneBatchesMax: 2 } });
    const good = [0, 1].map((sender) => offerFrom(intake, batchOf(sender, 1), 'home'));
    for (const { kind } of good) {
      await eventually(() => expect(gate.waiting()).toBe(1));
      gate.open();
      expect(await kind).toBe('answered');
    }
    const named = [0, 1, 0].map((sender) => offerFrom(intake, batchOf(sender, 2), 'elsewhere'));
    expect(named.map(({ isFull }) => isFull)).toEqual([false, false, true]);
    // At home they have their lanes.
    const own = [0, 1, 0].map((sender) => offerFrom(intake, batchOf(sender, 3), 'home'));
    expect(own.map(({ isFull }) => isFull)).toEqual([false, false, false]);
  });
});

describe('when commits fail', () => {
  test('nothing is answered, the same batches are tried again, memory stays bounded', async () => {
    const { intake, gate } = gatedIntake({ limits: { batchesMax: 8, bytesMax: 100_000 } });
    const offers = [1, 2, 3, 4].map((sequence) => offer(intake, 0, sequence));
    for (let tries = 0; tries < 5; tries += 1) {
      await eventually(() => expect(gate.waiting()).toBe(1));
      expect(offer(intake, 0, 5).isFull).toBe(true);
      expect(intake.stats()).toMatchObject({ batches: 4, isHealthy: tries === 0 });
      gate.open(refusedConnection);
    }
    for (let left = 4; left > 0;) {
      await eventually(() => expect(gate.waiting()).toBe(1));
      left -= gate.groups.at(-1)?.length ?? 0;
      gate.open();
    }
    expect(await settled(offers)).toEqual(Array.from({ length: 4 }, () => 'answered'));
    expect(intake.stats()).toMatchObject({ batches: 0, failures: 5, isHealthy: true });
  });

  test.each([
    'CONNECTION_CLOSED',
    'CONNECT_TIMEOUT',
    'ETIMEDOUT',
    '40P01', // deadlock_detected
    '53100', // disk_full
    '57014', // query_canceled: a statement's timeout
    '57P01', // admin_shutdown
    '28P01', // invalid_password
  ])('%s is of the moment: its group is tried again as it is', async (code) => {
    const { intake, gate } = gatedIntake();
    const offers = [1, 2, 3].map((sequence) => offer(intake, 0, sequence));
    gate.open();
    await eventually(() => expect(gate.groups.length).toBe(2));
    gate.open(Object.assign(new Error('planted'), { code }));
    await eventually(() => expect(gate.groups.length).toBe(3));
    gate.open();
    expect(await settled(offers)).toEqual(['answered', 'answered', 'answered']);
    expect(gate.groups.slice(1)).toEqual([
      ['0/2', '0/3'],
      ['0/2', '0/3'],
    ]);
  });

  test.each([
    ['cannot be stored', Object.assign(new Error('violates foreign key'), { code: '23503' })],
    ['our own code breaks on', new RangeError('planted')],
    ['our own code breaks on, with a code', Object.assign(new Error(), { code: 'ERR_PLANTED' })],
  ])('a batch that %s harms no other', async (_, poison) => {
    const { intake, gate } = gatedIntake();
    const offers = [1, 2, 3].map((sequence) => offer(intake, 0, sequence));
    gate.open();
    for (let rounds = 0; rounds < 10 && intake.stats().batches > 0; rounds += 1) {
      await eventually(() => expect(gate.waiting()).toBe(1));
      gate.open(gate.groups.at(-1)?.includes('0/2') === true ? poison : undefined);
      await eventually(() =>
        expect(gate.waiting() === 1 || intake.stats().batches === 0).toBe(true),
      );
    }
    expect(await settled(offers)).toEqual(['answered', 'unanswered', 'answered']);
    expect(intake.stats()).toMatchObject({ batches: 0, committed: 2 });
  });
});

test('what our own code broke on is answered, and told to the log', async () => {
  const fault = new TypeError('planted');
  const reports: unknown[] = [];
  const refusal = { ...refuse('BATCH_NOT_JUDGED', 'Our own code broke on it.'), fault };
  const { intake } = gatedIntake({
    commit: async (carried) => carried.map(() => refusal),
    report: (problem) => reports.push(problem),
  });
  expect(await settled([offer(intake, 0, 1)])).toEqual(['answered']);
  expect(reports).toEqual([{ code: 'BATCH_NOT_JUDGED', error: fault }]);
});

test('at its end what is under way is committed and nothing more is taken', async () => {
  const { intake, gate } = gatedIntake();
  const offers = [offer(intake, 0, 1), offer(intake, 0, 2)];
  const stopped = intake.stop(200);
  expect(offer(intake, 0, 3).isFull).toBe(true);
  gate.open();
  await eventually(() => expect(gate.waiting()).toBe(1));
  gate.open();
  await stopped;
  expect(await settled(offers)).toEqual(['answered', 'answered']);
  const { intake: broken, gate: shut } = gatedIntake();
  const lost = [offer(broken, 0, 1)];
  const ended = broken.stop(10);
  await eventually(() => expect(shut.waiting()).toBe(1));
  shut.open(refusedConnection);
  // One more try is made while it drains, none after.
  const giveUp = setInterval(() => shut.open(refusedConnection), 5);
  await ended;
  clearInterval(giveUp);
  expect(await settled(lost)).toEqual(['unanswered']);
});
