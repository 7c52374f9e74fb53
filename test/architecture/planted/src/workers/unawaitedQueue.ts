import { Queue } from 'bullmq';

export function fault(): void {
  const queue = new Queue('polls');
  queue.add('poll', { busId: 1 });
}
