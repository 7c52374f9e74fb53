import type { Statement } from '../../db/connect.ts';
import { readKeys } from '../../db/logReads.ts';
import { findQuarantined, isQuarantineKey, lockQuarantined, placeOf } from '../../db/quarantine.ts';
import type { QuarantinedBatch } from '../../db/quarantine.ts';
import { findCorrections, findEdgeCompany } from '../../db/officeBatches.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { openEnvelope } from '../../wire/batch.ts';

export type QuarantineCode = 'QUARANTINE_NOT_FOUND' | 'QUARANTINE_RESOLVED';

/**
 * Whether a batch of nobody's is a company's: the key that it names was registered since then. By
 * the writer, because no company may see what is nobody's.
 */
export async function isClaimedBy(
  writer: Statement,
  carried: Uint8Array,
  companyId: number,
): Promise<boolean> {
  const envelope = openEnvelope(carried);
  if (!envelope.ok) return false;
  const [key] = await readKeys(writer, [envelope.value.keyId]);
  return key !== undefined && (await findEdgeCompany(writer, key.edgeId)) === companyId;
}

/** What was decided about a batch before; of a correction, the batch that stands in its place. */
async function resolvedBefore(
  writer: Statement,
  { resolution, hash }: QuarantinedBatch,
  companyId: number,
): Promise<string> {
  const nothing = 'Nothing was changed.';
  if (resolution !== 'corrected') return `This batch was ${resolution} already. ${nothing}`;
  const batches = await findCorrections(writer, { companyId, quarantineHash: hash });
  const places = batches.map(({ epoch, sequence }) => `epoch ${epoch}, sequence ${sequence}`);
  return (
    `This batch was corrected already, by the office's batch ${places.join(' and ')}. ${nothing} ` +
    'A correction that was wrong is put right by editing its readings.'
  );
}

/**
 * A batch in quarantine that a company may decide about: its own, or one whose sender turned out
 * to be its own, and that nobody has decided about yet. Whoever else asks for it waits until the
 * caller's transaction ends, and sees then what was decided.
 */
export async function findOwnQuarantined(
  writer: Statement,
  { key, companyId }: { readonly key: string; readonly companyId: number },
): Promise<Outcome<QuarantinedBatch, QuarantineCode>> {
  if (isQuarantineKey(key)) await lockQuarantined(writer, key);
  const found = isQuarantineKey(key) ? await findQuarantined(writer, placeOf(key)) : null;
  const isOwn =
    found !== null &&
    (found.companyId === null
      ? await isClaimedBy(writer, found.carried, companyId)
      : found.companyId === companyId);
  if (found === null || !isOwn) {
    return refuse(
      'QUARANTINE_NOT_FOUND',
      'You have no such batch in quarantine. Check its id; a batch of a sender that nobody knows ' +
        'is yours once its key is registered for one of your edges.',
    );
  }
  if (found.resolution !== null) {
    return refuse('QUARANTINE_RESOLVED', await resolvedBefore(writer, found, companyId));
  }
  return accept(found);
}
