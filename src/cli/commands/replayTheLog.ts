import { randomUUID } from 'node:crypto';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { rateJob } from '../../domain/rating/job.ts';
import { replayLog, replayStepText } from '../../operations/replayLog.ts';
import type { ReplayCode, ReplayReport, ReplayStep } from '../../operations/replayLog.ts';
import type { Answer } from '../answer.ts';
import { databaseRefusal } from '../database.ts';
import type { DatabaseCode } from '../database.ts';

const progressMs = 1_000;

/** Lines to stderr while a person waits, one a second at most. */
function progressTo(write: (line: string) => void): (step: ReplayStep) => void {
  let toldMs = -Infinity;
  return (step) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < progressMs) return;
    toldMs = nowMs;
    write(`${replayStepText(step)}\n`);
  };
}

async function replay(
  url: string,
  onStep: (step: ReplayStep) => void,
): Promise<Outcome<ReplayReport, ReplayCode | DatabaseCode>> {
  try {
    const seed = randomUUID();
    const rate = (job: Parameters<typeof rateJob>[0]) => Promise.resolve(rateJob(job));
    return await replayLog({ ownerUrl: url, seed, rate, onStep });
  } catch (error) {
    const refusal = databaseRefusal(error, url);
    if (refusal === null) throw error;
    return refusal;
  }
}

/** Rates the whole log anew beside the database and compares; nothing that is stored is touched. */
export async function replayTheLog(url: string, isJson: boolean): Promise<Answer> {
  const silent = (): void => {};
  const onStep = isJson ? silent : progressTo((line) => process.stderr.write(line));
  const replayed = await replay(url, onStep);
  if (!replayed.ok) return replayed;
  const { batches, readings, rowsCompared, differenceCount, differences } = replayed.value;
  const facts = { ...replayed.value };
  const done = `${batches} batches, ${readings} readings rated, ${rowsCompared} rows compared`;
  if (differenceCount === 0) return accept({ sentence: `${done}: all the same.`, facts });
  const told = differences.map(
    ({ code, key, stored, replayed: anew }) => `${code} ${key}: ${stored ?? '-'} is ${anew ?? '-'}`,
  );
  const message =
    `${done}, ${differenceCount} differ. Somebody changed what was stored, or this version rates ` +
    `otherwise than the one that stored it. The first:\n${told.join('\n')}`;
  return { ...refuse('REPLAY_DIFFERS', message), facts };
}
