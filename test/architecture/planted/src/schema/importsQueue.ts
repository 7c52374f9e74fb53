import {
  // The comment and the lines between must not hide the package.
  Queue,
} from 'bullmq';

export const fault = Queue;
