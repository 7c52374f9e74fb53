import { join } from 'node:path';
import type { NoticeSender } from '../domain/prepaid/notice.ts';
import { providersWith } from '../providers/paymentProviders.ts';
import { openLabThreads, startLab } from '../workers/lab.ts';
import { startProviderCalls } from '../workers/providerCalls.ts';
import { openRatingPool } from '../workers/ratingPool.ts';
import { startRater } from '../workers/rater.ts';
import { startSweeps, sweep } from '../workers/sweeps.ts';
import { startSealer } from '../workers/sealer.ts';
import { openAuditFile, auditFile } from '../signers/auditFile.ts';
import { checkpointsFile, openCheckpointFile } from '../signers/checkpointFile.ts';
import { openServerFile, serverFile } from '../signers/serverFile.ts';
import type { Signer } from '../wire/signer.ts';
import type { Parts } from './parts.ts';

/** What this process signs seals with, and where it keeps what is kept outside the database. */
export type Sealing = { readonly signer: Signer; readonly dataPath: string };

function seal({ writer, clock, log, closing }: Parts, { signer, dataPath }: Sealing): void {
  const sealer = startSealer({
    sql: writer.sql,
    clock,
    signer,
    checkpoints: openCheckpointFile(join(dataPath, checkpointsFile)),
    auditFile: openAuditFile(join(dataPath, auditFile)),
    seenFile: openServerFile(join(dataPath, serverFile)),
    onObstacle: (code, message) => log.error({ code }, message),
    onProblem: (error) => log.error({ err: error }, 'SEAL_RETRIED'),
  });
  closing.add('sealer', () => sealer.stop());
}

/** Role `worker`: rates what was committed, and sweeps for what bells have missed. */
export async function startWorker(
  parts: Parts,
  {
    sealing,
    sender,
    dataDirectory,
  }: {
    readonly sealing: Sealing | null;
    readonly sender: NoticeSender | null;
    /** Where the secrets of payment channels are. */
    readonly dataDirectory: string;
  },
): Promise<void> {
  const { writer, bells, clock, log, closing, queues } = parts;
  const pool = openRatingPool();
  closing.add('rating threads', () => pool.close());
  const rater = startRater({
    sql: writer.sql,
    clock,
    rate: (job) => pool.rate(job),
    wake: (bell) => bells.wake(bell),
    report: ({ shard, error }) => log.error({ shard, err: error }, 'RATING_RETRIED'),
  });
  bells.onWork('rating', () => rater.ring());
  closing.add('rater', () => rater.stop());
  const threads = openLabThreads();
  closing.add('lab threads', () => threads.close());
  const lab = await startLab({
    sql: writer.sql,
    clock,
    threads,
    queue: await queues.open('simulateTariff', 'all'),
    wake: (bell) => bells.wake(bell),
    onProblem: (error) => log.error({ err: error }, 'SIMULATION_RETRIED'),
  });
  bells.onWork('simulations', () => lab.ring());
  closing.add('lab', async () => lab.stop());
  const calls = startProviderCalls({
    sql: writer.sql,
    clock,
    wake: (bell) => bells.wake(bell),
    providerOf: providersWith({ dataDirectory, env: process.env }),
    onProblem: (error) => log.error({ err: error }, 'PROVIDER_CALL_RETRIED'),
  });
  bells.onWork('providers', () => calls.ring());
  closing.add('provider calls', () => calls.stop());
  const sweepDeps = {
    sql: writer.sql,
    clock,
    sender,
    wake: (bell: Parameters<typeof bells.wake>[0]) => bells.wake(bell),
  };
  await sweep(sweepDeps, { what: 'logPartitions' });
  await startSweeps(sweepDeps, await queues.open('sweep', 'all'));
  if (sealing === null)
    log.warn('SEAL_KEY_ABSENT: this worker seals nothing; set JOULEBOOK_BILLING_KEYS');
  else seal(parts, sealing);
}
