import { rateLab } from '../domain/lab/labJob.ts';
import type { LabJob, LabJobResult } from '../domain/lab/labJob.ts';

/** Runs in a thread: for the half second of a chunk the process itself must not stand still. */
export function simulate(job: LabJob): LabJobResult {
  return rateLab(job);
}
