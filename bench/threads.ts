import { Piscina } from 'piscina';
import type { RatingJob, RatingJobResult } from '../src/domain/rating/job.ts';
import type { MoneyJob } from './money.ts';

export type Threads = {
  /** Every thread takes parts of the job. */
  rate(money: MoneyJob): Promise<void>;
  /** One thread gets the whole job and its import column, which is gone here. */
  rateOne(job: RatingJob): Promise<RatingJobResult>;
  /** Two loops without memory, one a thread: what the machine gives to two threads now. */
  spin(steps: number): Promise<void>;
  close(): Promise<void>;
};

export const threadCount = 2;

export function openThreads(): Threads {
  const pool = new Piscina({
    filename: new URL('./moneyThread.ts', import.meta.url).href,
    minThreads: threadCount,
    maxThreads: threadCount,
  });
  const onEach = async (name: string, input: unknown): Promise<void> => {
    await Promise.all(Array.from({ length: threadCount }, () => pool.run(input, { name })));
  };
  return {
    rateOne: (job) =>
      pool.run(job, { name: 'sums', transferList: transferable(job.import.buffer) }),
    rate: (money) => onEach('money', money),
    spin: (steps) => onEach('spinSome', steps / threadCount),
    close: () => pool.close({ force: true }),
  };
}

function transferable(buffer: ArrayBufferLike): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}
