import { Queue } from 'bullmq';

export function fault(): boolean {
  const queue = new Queue('polls');
  if (queue.isPaused()) return true;
  return false;
}
