import { listMeterEvents } from '../../db/meterEvents.ts';
import { instantMsMax, meterEventsToldMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import { meterEventName } from '../../domain/series/meterEvent.ts';
import type { Answer } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { findMeter, instantOf } from '../meterAt.ts';
import type { MeterOptions } from '../meterAt.ts';

export type EventOptions = MeterOptions & {
  readonly from: string | undefined;
  readonly to: string | undefined;
};

/** What a meter's own log says, newest first. */
export async function listEvents(serial: string, options: EventOptions): Promise<Answer> {
  const fromMs = options.from === undefined ? 0 : instantOf(options.from);
  const toMs = options.to === undefined ? instantMsMax : instantOf(options.to);
  const meter = await findMeter(serial, options);
  if (!meter.ok) return meter;
  const { url, meterId } = meter.value;
  return withDatabase(url, 'joulebook_writer', async (sql) => {
    const wanted = { meterId, fromMs, toMs, limit: meterEventsToldMax };
    const events = (await listMeterEvents(sql, wanted)).map(({ code, fromAt, toAt }) => ({
      name: meterEventName(code),
      code,
      from: fromAt.toISOString(),
      to: toAt.toISOString(),
    }));
    const lines = events.map(({ name, code, from, to }) => `${from}  ${to}  ${name} (${code})`);
    const sentence = lines.length === 0 ? `${serial}: its log says nothing.` : lines.join('\n');
    return accept({ sentence, facts: { meterId, events } });
  });
}
