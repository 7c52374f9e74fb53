import { insertAudit } from '../../db/audit.ts';
import type { Statement } from '../../db/connect.ts';
import { derivedId } from '../derivedId.ts';
import type { BatchNote } from './gatherReadings.ts';

/**
 * One row of the audit for each batch of which not all was taken as it was sent. The rows that
 * were held back stand beside it as exceptions, each with its reason.
 */
export async function auditNotes(
  tx: Statement,
  notes: readonly BatchNote[],
  nowMs: number,
): Promise<void> {
  for (const { entry, batch, ...note } of notes) {
    const { edgeId, stream, epoch, sequence } = batch;
    const place = [String(edgeId), stream, String(epoch), sequence.toString()];
    const { eventsHeldBack, blocksCorrected, clockOffsetMsMax } = note;
    await insertAudit(tx, {
      id: derivedId('audit', 'batch', ...place),
      companyId: entry.companyId,
      atMs: nowMs,
      actor: `edge/${edgeId}`,
      action: 'batch.note',
      subject: `batch/${place.join('/')}`,
      before: null,
      after: {
        rowsHeldBack: Object.fromEntries(note.refused),
        eventsHeldBack,
        blocksCorrected,
        clockOffsetMsMax,
      },
    });
  }
}
