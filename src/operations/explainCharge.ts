import type { ChargeView } from '../db/chargeReads.ts';
import type { Statement } from '../db/connect.ts';
import { readPackedMeters } from '../db/labReads.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { explainLine } from '../domain/rating/explain.ts';
import type { ExplainedLine, LineName } from '../domain/rating/explain.ts';
import type { FinishRefusal } from '../domain/rating/billDraft.ts';
import { accumulate, emptyAccumulator } from '../domain/rating/kernel.ts';
import { slotStartMs } from '../domain/rating/slot.ts';
import { dayOf } from '../domain/series/day.ts';
import { loadOfMeters } from '../domain/series/loadOfDays.ts';
import { openCharge } from './readChargeBill.ts';

export type ExplainCode = FinishRefusal | 'CHARGE_NOT_RATED' | 'LINE_NOT_FOUND';

/**
 * The lines of a charge that have a name, each down to the quarter hours that made it, from the
 * series as it stands: a reading that came a moment ago and is not rated yet is in them already.
 */
export async function explainCharge(
  tx: Statement,
  { charge, name }: { readonly charge: ChargeView; readonly name: LineName },
): Promise<Outcome<readonly ExplainedLine[], ExplainCode>> {
  const opened = await openCharge(tx, charge);
  if (opened === null) {
    return refuse('CHARGE_NOT_RATED', 'Nothing of this charge is rated yet. Ask again later.');
  }
  const { compiled, stored, settlement } = opened;
  const fromMs = slotStartMs(compiled.firstSlot);
  const toMs = slotStartMs(stored.untilSlot);
  if (toMs <= fromMs) {
    const empty = { compiled, energies: null, accumulator: emptyAccumulator(compiled), settlement };
    return found(explainLine(empty, name));
  }
  const { companyId, servicePointId } = charge;
  const meters = await readPackedMeters(tx, {
    companyId,
    servicePointIds: [servicePointId],
    fromDay: dayOf(fromMs),
    throughDay: dayOf(toMs - 1),
  });
  const load = loadOfMeters(meters.get(servicePointId) ?? [], { fromMs, toMs });
  const energies = { ...load, firstSlot: compiled.firstSlot };
  const accumulator = accumulate(compiled, energies);
  return found(explainLine({ compiled, energies, accumulator, settlement }, name));
}

function found(
  lines: Outcome<readonly ExplainedLine[], FinishRefusal>,
): Outcome<readonly ExplainedLine[], ExplainCode> {
  if (!lines.ok || lines.value.length > 0) return lines.ok ? accept(lines.value) : lines;
  const message = 'The charge has no line of this component, period and tier. See its lines.';
  return refuse('LINE_NOT_FOUND', message, ['component']);
}
