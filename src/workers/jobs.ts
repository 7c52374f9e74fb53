import { z } from 'zod';

const id = z.number().int().positive();

/**
 * Every job: its name and what it carries. A job is a bell with an address, never a record: each
 * can be derived from Postgres, and each body is safe to run twice.
 */
export const jobShapes = {
  /** Poll the meters of one bus. */
  pollBus: z.strictObject({ busId: id }),
  /** Bring one command a step further. */
  sendCommand: z.strictObject({ commandId: z.uuid() }),
  /** Work a simulation of a draft tariff off. */
  simulateTariff: z.strictObject({ simulationId: z.uuid() }),
  /** Look for what is due. */
  sweep: z.strictObject({ what: z.enum(['commands', 'logPartitions', 'time']) }),
} as const;

export type JobName = keyof typeof jobShapes;
export type JobPayload<Name extends JobName> = z.infer<(typeof jobShapes)[Name]>;
