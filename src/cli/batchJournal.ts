import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { readJson } from './inputFile.ts';
import type { InputCode } from './inputFile.ts';

/** Hex. */
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const text = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

/**
 * Files whose content is remembered: ten days of one every quarter hour. An older one that comes
 * again is sent again, which the series do not mind.
 */
export const journalFilesMax = 1_000;

const refusedBatch = z.strictObject({ sequence: z.int(), code: z.string(), carried: text });

/**
 * What a sender must not forget: its place in the chain, and each batch until its receipt. Written
 * before anything is sent, so that a crash sends the same bytes again and never others under their
 * number.
 */
const shape = z.strictObject({
  version: z.literal(1),
  edge: z.int().min(1),
  epoch: z.int().min(1),
  nextSequence: z.int().min(1),
  previousHash: digest,
  /** SHA-256 of the files that were made into batches. */
  files: z.array(digest).default([]),
  pending: z.array(z.strictObject({ sequence: z.int().min(1), carried: text })),
  /** Refused for what they say, with the code; offered again by the next run. */
  refused: z.array(refusedBatch),
  /** Refused in an earlier epoch: kept and never sent again. */
  givenUp: z.array(refusedBatch).default([]),
});

export type BatchJournal = z.infer<typeof shape>;
export type JournalCode = InputCode | 'JOURNAL_MALFORMED' | 'JOURNAL_OF_ANOTHER';

/** The reason may be gone by now; a number that nobody fills stays a hole for ever. */
function withRefusedPending(journal: BatchJournal): BatchJournal {
  const again = journal.refused.map(({ sequence, carried }) => ({ sequence, carried }));
  const pending = [...again, ...journal.pending].toSorted((a, b) => a.sequence - b.sequence);
  return { ...journal, pending, refused: [] };
}

export function openJournal(
  file: string,
  { edge, epoch }: { readonly edge: number; readonly epoch: number | null },
): Outcome<BatchJournal, JournalCode> {
  const fresh: BatchJournal = {
    version: 1,
    edge,
    epoch: epoch ?? 1,
    nextSequence: 1,
    previousHash: '0'.repeat(64),
    files: [],
    pending: [],
    refused: [],
    givenUp: [],
  };
  if (!existsSync(file)) return accept(fresh);
  const json = readJson(file);
  if (!json.ok) return json;
  const parsed = shape.safeParse(json.value);
  if (!parsed.success) {
    const message = `${file} is no journal of batches. Move it away and give a higher --epoch.`;
    return refuse('JOURNAL_MALFORMED', message);
  }
  const journal = parsed.data;
  if (journal.edge !== edge) {
    return refuse('JOURNAL_OF_ANOTHER', `${file} is of edge ${journal.edge}, not ${edge}.`);
  }
  if (epoch === null || epoch === journal.epoch) return accept(withRefusedPending(journal));
  if (epoch > journal.epoch && journal.pending.length === 0) {
    return accept({ ...fresh, givenUp: [...journal.givenUp, ...journal.refused] });
  }
  const message =
    `${file} is of epoch ${journal.epoch} with ${journal.pending.length} batches to send. ` +
    'An epoch begins with a higher number and nothing left over: send those first, without ' +
    '--epoch.';
  return refuse('JOURNAL_OF_ANOTHER', message);
}

/** Whole or not at all, also after a power cut. */
export function saveJournal(file: string, journal: BatchJournal): void {
  const draft = `${file}.draft`;
  const handle = openSync(draft, 'w', 0o600);
  try {
    writeSync(handle, `${JSON.stringify(journal)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
}
