import { randomUUID } from 'node:crypto';

export const fault = randomUUID;
