import { randomUUID } from 'node:crypto';
import { listMarks } from '../../db/registerMarks.ts';
import { marksToldMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import { factorText } from '../../domain/series/factor.ts';
import { everyChannel } from '../../domain/series/meterMarks.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { recordMark } from '../../operations/recordMark.ts';
import type { RecordMarkInput } from '../../operations/recordMark.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { asOperator, channelNumber, countsOf, findMeter, instantOf } from '../meterAt.ts';
import type { MeterOptions } from '../meterAt.ts';

export type MarkOptions = MeterOptions & {
  readonly at: string;
  readonly kind: string;
  readonly channel: string | undefined;
  readonly final: string | undefined;
  readonly start: string | undefined;
  readonly factor: string | undefined;
  readonly reason: string;
};

const kinds = ['installed', 'removed', 'reset', 'factor', 'withdrawn'] as const;

function kindOf(text: string): (typeof kinds)[number] {
  const kind = kinds.find((each) => each === text);
  if (kind === undefined) throw new Misused(`a mark is ${kinds.join(', ')}; "${text}" is none`);
  return kind;
}

/**
 * Says that a register counts otherwise from an instant on. Saying again what holds, as after a
 * lost answer, changes nothing.
 */
export async function markRegister(serial: string, options: MarkOptions): Promise<Answer> {
  const { channel, final, start, factor = null, reason } = options;
  const said: Omit<RecordMarkInput, 'idempotencyKey' | 'meterId'> = {
    channel: channel === undefined ? null : channelNumber(channel),
    atMs: instantOf(options.at),
    kind: kindOf(options.kind),
    finalValue: final === undefined ? null : countsOf(final),
    startValue: start === undefined ? null : countsOf(start),
    factor,
    reason,
  };
  const meter = await findMeter(serial, options);
  if (!meter.ok) return meter;
  const { meterId } = meter.value;
  const idempotencyKey = randomUUID();
  const done = await asOperator(meter.value, (deps, viewer) =>
    recordMark(deps, viewer, { idempotencyKey, meterId, ...said }),
  );
  if (!done.ok) return done;
  const { isNew, isReplay, affectedPeriodsMs } = done.value;
  const bills = affectedPeriodsMs.map(instantText);
  const sentence =
    isNew && !isReplay
      ? `${serial}: recorded; ${bills.length} closed bills are rated again.`
      : `${serial}: this was recorded before; nothing is new.`;
  return accept({ sentence, facts: { meterId, isNew, isReplay, affectedPeriods: bills } });
}

/** All that was said of a meter's registers. */
export async function listRegisterMarks(serial: string, options: MeterOptions): Promise<Answer> {
  const meter = await findMeter(serial, options);
  if (!meter.ok) return meter;
  const { url, meterId } = meter.value;
  return withDatabase(url, 'joulebook_writer', async (sql) => {
    const marks = (await listMarks(sql, { meterId, limit: marksToldMax })).map((mark) => ({
      at: instantText(mark.atMs),
      channel: mark.channel === everyChannel ? null : mark.channel,
      kind: mark.kind,
      finalValue: mark.finalValue?.toString() ?? null,
      startValue: mark.startValue?.toString() ?? null,
      factor: mark.factor === null ? null : factorText(mark.factor),
      isInForce: mark.isInForce,
      by: mark.author,
      reason: mark.reason,
    }));
    const lines = marks.map((mark) => {
      const { at, channel, kind, finalValue, startValue, factor, by, reason } = mark;
      const parts = [
        at,
        channel === null ? 'all registers' : `channel ${channel}`,
        kind,
        ...(finalValue === null ? [] : [`final ${finalValue}`]),
        ...(startValue === null ? [] : [`start ${startValue}`]),
        ...(factor === null ? [] : [`factor ${factor}`]),
        `${by}: ${reason}`,
        ...(mark.isInForce ? [] : ['(no longer)']),
      ];
      return parts.join('  ');
    });
    const sentence =
      lines.length === 0 ? `${serial}: its registers have no marks.` : lines.join('\n');
    return accept({ sentence, facts: { meterId, marks } });
  });
}
