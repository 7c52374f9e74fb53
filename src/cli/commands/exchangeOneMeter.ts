import { importChannel } from '../../domain/channel.ts';
import { accept } from '../../domain/outcome.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { derivedId } from '../../operations/derivedId.ts';
import { exchangeMeter } from '../../operations/exchangeMeter.ts';
import type { RegisterValue } from '../../operations/exchangeMeter.ts';
import type { Answer } from '../answer.ts';
import { asOperator, channelNumber, countsOf, findMeter, instantOf } from '../meterAt.ts';
import type { MeterOptions } from '../meterAt.ts';
import { wholeNumber } from '../wholeNumber.ts';

export type ExchangeOptions = MeterOptions & {
  readonly at: string;
  readonly serial: string;
  readonly final: readonly string[];
  readonly start: readonly string[];
  readonly map: string | undefined;
  readonly power: string | undefined;
  readonly modulus: string | undefined;
  readonly factor: string | undefined;
  readonly reason: string;
};

/** `45231400` of the main register, `2=1200` of another. */
function valueOf(text: string): RegisterValue {
  const [left, right] = text.split('=', 2);
  if (right === undefined) return { channel: importChannel, value: countsOf(left) };
  return { channel: channelNumber(left), value: countsOf(right) };
}

function wattsOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  return wholeNumber(text, '--power', { min: 1, max: 999_999_999 });
}

/** What is said is the idempotency key: the same call again is one exchange. */
export async function exchangeOneMeter(old: string, options: ExchangeOptions): Promise<Answer> {
  const { serial, reason, map, modulus, factor } = options;
  const said = {
    atMs: instantOf(options.at),
    finalValues: options.final.map(valueOf),
    meter: {
      serial,
      mapName: map ?? null,
      powerMaxW: wattsOf(options.power),
      registerModulusWh: modulus === undefined ? null : countsOf(modulus),
      factor: factor ?? null,
    },
    startValues: options.start.map(valueOf),
    reason,
  };
  const meter = await findMeter(old, options);
  if (!meter.ok) return meter;
  const { meterId } = meter.value;
  const values = [...options.final, '/', ...options.start];
  const given = [options.at, serial, map, options.power, modulus, factor, reason].map(String);
  const idempotencyKey = derivedId('exchange', String(meterId), ...values, ...given);
  const done = await asOperator(meter.value, (deps, viewer) =>
    exchangeMeter(deps, viewer, { idempotencyKey, meterId, ...said }),
  );
  if (!done.ok) return done;
  const { newMeterId, isReplay, affectedPeriodsMs } = done.value;
  const affectedPeriods = affectedPeriodsMs.map(instantText);
  const sentence = isReplay
    ? `${old}: was exchanged for ${serial} before; nothing is new.`
    : `${old}: exchanged for ${serial}; ${affectedPeriods.length} closed bills are rated again.`;
  const facts = { oldMeterId: meterId, newMeterId, isReplay, affectedPeriods };
  return accept({ sentence, facts });
}
