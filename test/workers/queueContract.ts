import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openQueues } from '../../src/workers/queues.ts';
import type { QueueBackend, QueueProblem, Queues } from '../../src/workers/queues.ts';
import { eventually } from '../support/eventually.ts';

/** What every backend must do; called once for each with a way to an empty one. */
export function testQueues(name: string, emptyBackend: () => Promise<QueueBackend>): void {
  let queues: Queues;
  let problems: QueueProblem[];
  beforeEach(async () => {
    problems = [];
    queues = openQueues(await emptyBackend(), (problem) => problems.push(problem));
  });
  afterEach(() => queues.close());

  describe(`the queues on ${name}`, () => {
    test('bring each job to a worker, parsed, and lanes do not meet', async () => {
      const north = await queues.open('sendCommand', 'edge1');
      const south = await queues.open('sendCommand', 'edge2');
      const seen: string[] = [];
      await north.work(async ({ commandId }) => void seen.push(`north ${commandId}`), {
        concurrency: 2,
      });
      await south.work(async ({ commandId }) => void seen.push(`south ${commandId}`), {
        concurrency: 2,
      });
      const [first, second] = [randomUUID(), randomUUID()];
      await north.add({ commandId: first });
      await south.add({ commandId: second });
      await eventually(() => {
        expect(seen.toSorted()).toEqual([`north ${first}`, `south ${second}`]);
      });
      expect(problems).toEqual([]);
    });

    test('an id that waits is not added twice, and may come again after it is done', async () => {
      const queue = await queues.open('sendCommand', 'edge1');
      const [commandId, behind] = [randomUUID(), randomUUID()];
      await queue.add({ commandId }, { id: commandId });
      await queue.add({ commandId }, { id: commandId });
      await queue.add({ commandId: behind }, { id: behind });
      const seen: string[] = [];
      await queue.work(async (payload) => void seen.push(payload.commandId), { concurrency: 1 });
      await eventually(() => expect(seen).toEqual([commandId, behind]));
      // Until it is one that came after the first was done; it may be done before it is looked at.
      await eventually(async () => {
        await queue.add({ commandId }, { id: commandId });
        expect(seen.slice(2)).toContain(commandId);
      });
    });

    test('a schedule beats, and one that is no longer wanted is gone', async () => {
      const queue = await queues.open('pollBus', 'edge1');
      const seen: number[] = [];
      await queue.schedule('bus-1', 50, { busId: 1 });
      await queue.schedule('bus-2', 50, { busId: 2 });
      await queue.keepSchedules(new Set(['bus-2']));
      await queue.work(async ({ busId }) => void seen.push(busId), { concurrency: 1 });
      await eventually(() => {
        expect(seen.filter((busId) => busId === 2).length).toBeGreaterThanOrEqual(3);
      });
      // At most the beat that was due before the schedule went.
      expect(seen.filter((busId) => busId === 1).length).toBeLessThanOrEqual(1);
    });

    test('a failing job is reported with its id and stops nothing', async () => {
      const queue = await queues.open('pollBus', 'edge1');
      const seen: number[] = [];
      await queue.work(
        ({ busId }) => {
          seen.push(busId);
          return busId === 1 ? Promise.reject(new Error('BUS_ON_FIRE')) : Promise.resolve();
        },
        { concurrency: 1 },
      );
      await queue.add({ busId: 1 });
      await queue.add({ busId: 2 });
      await eventually(() => expect(seen).toEqual([1, 2]));
      await eventually(() => {
        expect(problems).toMatchObject([
          { queue: 'pollBus-edge1', jobId: expect.any(String), error: { message: 'BUS_ON_FIRE' } },
        ]);
      });
    });
  });
}
