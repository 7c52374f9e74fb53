import { createHash } from 'node:crypto';
import { insertDuties } from '../../db/charges.ts';
import type { Statement } from '../../db/connect.ts';
import type { FreshMeterEvent } from '../../db/meterEvents.ts';
import { writeDecisions } from '../../db/veeDecisions.ts';
import type { DecisionRow, HoldNews } from '../../db/veeDecisions.ts';
import { importChannel } from '../../domain/channel.ts';
import { dayOf } from '../../domain/series/day.ts';
import { phaseSequenceError } from '../../domain/series/meterEvent.ts';
import { judgedReason } from '../vee/noteDuties.ts';

const rule = 'PHASE_SEQUENCE_ERROR';

function decisionOf({ companyId, meterId, fromMs, toMs }: FreshMeterEvent): DecisionRow {
  const [from, to] = [fromMs, toMs].map((ms) => new Date(ms).toISOString());
  const digest = createHash('sha256')
    .update(JSON.stringify([rule, fromMs, toMs]))
    .digest();
  return {
    companyId,
    meterId,
    channel: importChannel,
    fromMs,
    toMs,
    rule,
    outcome: 'hold',
    message:
      `The meter says that its phases are reversed from ${from} to ${to}: it may have counted ` +
      'backwards or too little. Look at its transformers.',
    detail: { window: 'event', from, to },
    digest,
  };
}

/**
 * What a meter says of itself that puts its bills in doubt (domain rule 15): they are held when
 * they close, and those that are closed are judged again. Only a person's word ends it.
 */
export async function noteAlarms(
  tx: Statement,
  events: readonly FreshMeterEvent[],
  nowMs: number,
): Promise<readonly HoldNews[]> {
  const alarms = events.filter(({ code }) => code === phaseSequenceError);
  const news = await writeDecisions(tx, alarms.map(decisionOf), nowMs);
  const duties = alarms.map(({ meterId, fromMs }) => ({ meterId, fromDay: dayOf(fromMs) }));
  await insertDuties(tx, duties, judgedReason);
  return news;
}
