import { createPostgresBackend, createRedisBackend, UnrecoverableError, withBackend } from 'bullmq';
import type { BackendClasses, ConnectionOptions, IQueueBackend, Job } from 'bullmq';
import { failedJobsKeptMax, queueConnectionsMax, schedulesCheckMs } from '../domain/limits.ts';
import { jobShapes } from './jobs.ts';
import type { JobName, JobPayload } from './jobs.ts';

export type QueueBackend =
  | { readonly kind: 'postgres'; readonly url: string }
  /** Made and closed by the caller, after these queues. */
  | { readonly kind: 'redis'; readonly connection: ConnectionOptions };

export type QueueProblem = {
  readonly queue: string;
  readonly jobId: string | null;
  readonly error: unknown;
};

/** Jobs of one name and lane. A lane is a process's own: the buses of its edge. */
export type JobQueue<Name extends JobName> = {
  /** An id that is waiting or running already adds nothing. */
  add(payload: JobPayload<Name>, options?: { id?: string; delayMs?: number }): Promise<void>;
  /** Repeats for ever, over restarts and losses of Redis; the same id again replaces it. */
  schedule(id: string, everyMs: number, payload: JobPayload<Name>): Promise<void>;
  /** Removes every schedule that is not among these. */
  keepSchedules(ids: ReadonlySet<string>): Promise<void>;
  /** Once a queue. Failures are reported; whoever added the job finds again what is still due. */
  work(
    handle: (payload: JobPayload<Name>) => Promise<void>,
    options: { concurrency: number },
  ): Promise<void>;
};

export type Queues = {
  open<Name extends JobName>(name: Name, lane: string): Promise<JobQueue<Name>>;
  /** Workers first, then queues; Postgres or Redis must still be there. */
  close(): Promise<void>;
};

type Closing = {
  readonly workers: (() => Promise<void>)[];
  readonly queues: (() => Promise<void>)[];
};

function connectionOf(backend: Extract<QueueBackend, { kind: 'postgres' }>) {
  return {
    connectionString: backend.url,
    schema: 'bullmq',
    migrate: true,
    max: queueConnectionsMax,
  };
}

/** BullMQ on Postgres when there is nothing else, on Redis when a connection is given. */
export function openQueues(backend: QueueBackend, report: (problem: QueueProblem) => void): Queues {
  const closing: Closing = { workers: [], queues: [] };
  return {
    open(name, lane) {
      const context = { queue: `${name}-${lane}`, closing, report };
      return backend.kind === 'postgres'
        ? openQueue(withBackend(createPostgresBackend), connectionOf(backend), name, context)
        : openQueue(withBackend(createRedisBackend), backend.connection, name, context);
    },
    async close() {
      await Promise.all(closing.workers.map((close) => close()));
      await Promise.all(closing.queues.map((close) => close()));
    },
  };
}

/** A Redis that was emptied has forgotten the schedules too, and says nothing about it. */
async function restoreLost(
  queue: { getJobSchedulers(): Promise<readonly { readonly key: string }[]> },
  promised: ReadonlyMap<string, () => Promise<unknown>>,
): Promise<void> {
  if (promised.size === 0) return;
  const kept = new Set((await queue.getJobSchedulers()).map(({ key }) => key));
  for (const [id, schedule] of promised) if (!kept.has(id)) await schedule();
}

async function openQueue<B extends IQueueBackend, C, Name extends JobName>(
  classes: BackendClasses<B, C>,
  connection: C,
  name: Name,
  context: {
    readonly queue: string;
    readonly closing: Closing;
    report(problem: QueueProblem): void;
  },
): Promise<JobQueue<Name>> {
  const { queue: queueName, closing, report } = context;
  const queue = new classes.Queue<unknown, void>(queueName, {
    connection,
    defaultJobOptions: {
      attempts: 1, // a sweep finds what is still due
      removeOnComplete: true,
      removeOnFail: { count: failedJobsKeptMax },
    },
  });
  queue.on('error', (error) => report({ queue: queueName, jobId: null, error }));
  closing.queues.push(() => queue.close());
  await queue.waitUntilReady();
  const promised = new Map<string, () => Promise<unknown>>();
  const keeper = setInterval(() => {
    restoreLost(queue, promised).catch((error: unknown) => {
      report({ queue: queueName, jobId: null, error });
    });
  }, schedulesCheckMs);
  closing.workers.push(async () => clearInterval(keeper));
  return {
    async add(payload, { id, delayMs } = {}) {
      await queue.add(name, payload, {
        ...(id !== undefined && { jobId: id, removeOnFail: true }),
        ...(delayMs !== undefined && { delay: delayMs }),
      });
    },
    async schedule(id, everyMs, payload) {
      const schedule = () =>
        queue.upsertJobScheduler(id, { every: everyMs }, { name, data: payload });
      promised.set(id, schedule);
      await schedule();
    },
    async keepSchedules(ids) {
      for (const id of promised.keys()) if (!ids.has(id)) promised.delete(id);
      for (const { key } of await queue.getJobSchedulers()) {
        if (!ids.has(key)) await queue.removeJobScheduler(key);
      }
    },
    async work(handle, { concurrency }) {
      const run = async (job: Job<unknown>): Promise<void> => {
        const payload = jobShapes[name].safeParse(job.data);
        if (!payload.success) {
          throw new UnrecoverableError(`JOB_MALFORMED: ${payload.error.issues[0]?.message}`);
        }
        // The shape is the one that JobPayload<Name> is inferred from; TypeScript does not
        // follow an index by a type parameter.
        await handle(payload.data as JobPayload<Name>);
      };
      const worker = new classes.Worker<unknown, void>(queueName, run, {
        connection,
        concurrency,
      });
      worker.on('error', (error) => report({ queue: queueName, jobId: null, error }));
      worker.on('failed', (job, error) =>
        report({ queue: queueName, jobId: job?.id ?? null, error }),
      );
      closing.workers.push(() => worker.close());
      await worker.waitUntilReady();
    },
  };
}
