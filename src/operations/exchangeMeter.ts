import { insertAudit } from '../db/audit.ts';
import { insertRetryDuties } from '../db/heldBack.ts';
import type { Transaction } from '../db/connect.ts';
import { lockRegistration } from '../db/fleet.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import { findExchanged, insertExchange, isSerialTaken } from '../db/meterExchange.ts';
import type { ExchangedMeter } from '../db/meterExchange.ts';
import { insertMarkDuties, insertMarks, readMarkRows } from '../db/registerMarks.ts';
import type { MarkRow } from '../db/registerMarks.ts';
import { holdPrices } from '../db/tariffVersions.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { channelOf, importChannel } from '../domain/channel.ts';
import type { Fraction } from '../domain/exact.ts';
import { parseMeterId } from '../domain/ids.ts';
import type { MeterId } from '../domain/ids.ts';
import { commandReasonLengthMax } from '../domain/command/limits.ts';
import { readAheadMsMax, readAtMsMin, registerWhMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { isRegisterMapName } from '../domain/registerMapName.ts';
import { dayOf } from '../domain/series/day.ts';
import { factorText, parseFactor } from '../domain/series/factor.ts';
import type { FactorCode } from '../domain/series/factor.ts';
import { everyChannel, factorBefore, marksOf, marksOfMeter } from '../domain/series/meterMarks.ts';
import { instantText } from '../domain/time/instantText.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';
import { periodsOf, readAffected } from './recordMark.ts';

/** What a register showed, in its own counts: Wh, varh or litres before the factor. */
export type RegisterValue = { readonly channel: number; readonly value: bigint };

export type ExchangeMeterInput = {
  readonly idempotencyKey: string;
  /** The old meter. */
  readonly meterId: number;
  readonly atMs: number;
  /** Without a value what flowed since the last reading stays unknown. */
  readonly finalValues: readonly RegisterValue[];
  readonly meter: {
    readonly serial: string;
    /** Null: as the old one. */
    readonly mapName: string | null;
    readonly powerMaxW: number | null;
    readonly registerModulusWh: bigint | null;
    /** Of its transformers, or the gas; null: as the old one's. */
    readonly factor: string | null;
  };
  /** Without a value it begins with its first reading. */
  readonly startValues: readonly RegisterValue[];
  readonly reason: string;
};

export type ExchangeMeterCode =
  | KeyCode
  | FactorCode
  | 'NOT_PERMITTED'
  | 'METER_NOT_FOUND'
  | 'METER_REMOVED'
  | 'METER_MALFORMED'
  | 'SERIAL_TAKEN'
  | 'CHANNEL_UNKNOWN'
  | 'REASON_MISSING'
  | 'MARK_IN_FUTURE'
  | 'MARK_OUT_OF_RANGE'
  | 'MARK_MALFORMED';

export type ExchangedMeters = {
  readonly oldMeterId: MeterId;
  readonly newMeterId: MeterId;
  /** Begins of the closed bills that are rated again. */
  readonly affectedPeriodsMs: readonly number[];
  readonly isReplay: boolean;
};

type Refusal = Refused<ExchangeMeterCode>;

function checkValues(values: readonly RegisterValue[], path: string): Refusal | null {
  const seen = new Set<number>();
  for (const { channel, value } of values) {
    if (channelOf(channel)?.kind !== 'register') {
      const message = `Channel ${channel} is no register; 1 is the main one.`;
      return refuse('CHANNEL_UNKNOWN', message, [path]);
    }
    if (value < 0n || value > BigInt(registerWhMax)) {
      const message = 'No register shows this: write its whole counts, such as 45231400 Wh.';
      return refuse('MARK_MALFORMED', message, [path]);
    }
    if (seen.has(channel)) {
      return refuse('MARK_MALFORMED', `Channel ${channel} has two values; give one.`, [path]);
    }
    seen.add(channel);
  }
  return null;
}

function checkInput(input: ExchangeMeterInput, nowMs: number): Refusal | null {
  const { length } = input.reason.trim();
  if (length === 0 || length > commandReasonLengthMax) {
    const message = `Say why in at most ${commandReasonLengthMax} letters; the audit needs it.`;
    return refuse('REASON_MISSING', message, ['reason']);
  }
  if (input.atMs < readAtMsMin) {
    const message = 'Exchanges before 2000 are mistakes. Correct the time.';
    return refuse('MARK_OUT_OF_RANGE', message, ['at']);
  }
  if (!(input.atMs <= nowMs + readAheadMsMax)) {
    const message = 'Record the exchange when it has happened.';
    return refuse('MARK_IN_FUTURE', message, ['at']);
  }
  const { serial, mapName, powerMaxW, registerModulusWh } = input.meter;
  if (serial.trim() === '') {
    return refuse('METER_MALFORMED', 'The new meter has no serial; read it off.', ['serial']);
  }
  if (mapName !== null && (!isRegisterMapName(mapName) || mapName === 'contactor')) {
    const message = `No meter has the register map "${mapName}"; see src/devices/maps.`;
    return refuse('METER_MALFORMED', message, ['mapName']);
  }
  if ((powerMaxW ?? 1) <= 0 || (registerModulusWh ?? 1n) <= 0n) {
    const message = 'The largest power and the modulus are above 0; read them off the meter.';
    return refuse('METER_MALFORMED', message, ['powerMaxW']);
  }
  return (
    checkValues(input.finalValues, 'finalValues') ?? checkValues(input.startValues, 'startValues')
  );
}

/** Of each register that was read a mark of its own, and one of all the others. */
function marksAt(
  { meterId, atMs, kind }: { meterId: number; atMs: number; kind: 'removed' | 'installed' },
  values: readonly RegisterValue[],
  factor: Fraction | null,
): readonly MarkRow[] {
  const of = { meterId, atMs, kind };
  const isEnd = kind === 'removed';
  return [
    { ...of, channel: everyChannel, finalValue: null, startValue: null, factor },
    ...values.map(({ channel, value }) => ({
      ...of,
      channel,
      finalValue: isEnd ? value : null,
      startValue: isEnd ? null : value,
      factor: null,
    })),
  ];
}

function told(values: readonly RegisterValue[]): Record<string, string> {
  return Object.fromEntries(values.map(({ channel, value }) => [channel, value.toString()]));
}

type Exchange = {
  readonly old: ExchangedMeter;
  readonly input: ExchangeMeterInput;
  readonly factor: Fraction;
  readonly oldFactor: Fraction;
};

/** The old meter and what it takes to exchange it, or why it cannot be. */
async function prepare(
  tx: Transaction,
  { companyId }: Viewer,
  input: ExchangeMeterInput,
): Promise<Outcome<Exchange, ExchangeMeterCode>> {
  const { meterId, atMs } = input;
  const old = await findExchanged(tx, { companyId, meterId });
  if (old === null) {
    return refuse('METER_NOT_FOUND', 'There is no such meter. Check its id.', ['meterId']);
  }
  const marks = marksOfMeter(await readMarkRows(tx, [meterId]));
  const last = marksOf(marks, importChannel).findLast(
    ({ kind }) => kind === 'installed' || kind === 'removed',
  );
  if (last?.kind === 'removed') {
    const at = instantText(last.atMs);
    const message = `Meter ${old.serial} was removed at ${at}. Withdraw that first if it was not.`;
    return refuse('METER_REMOVED', message, ['meterId']);
  }
  const serial = input.meter.serial.trim();
  if (await isSerialTaken(tx, { companyId, serial })) {
    const message = `Meter ${serial} is registered already. Correct the serial.`;
    return refuse('SERIAL_TAKEN', message, ['serial']);
  }
  const oldFactor = factorBefore(marks, importChannel, atMs);
  const factor = input.meter.factor === null ? accept(oldFactor) : parseFactor(input.meter.factor);
  if (!factor.ok) return { ...factor, path: ['factor'] };
  return accept({ old, input, factor: factor.value, oldFactor });
}

async function exchange(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: ExchangeMeterInput; nowMs: number },
): Promise<Outcome<KeyedAnswer, ExchangeMeterCode>> {
  const { companyId, actor: author } = viewer;
  const { meterId, atMs, finalValues, startValues } = input;
  await lockRegistration(tx);
  // A rating commit underway could close a bill meanwhile.
  await holdPrices(tx);
  const prepared = await prepare(tx, viewer, input);
  if (!prepared.ok) return prepared;
  const { old, factor, oldFactor } = prepared.value;
  const { mapName, powerMaxW, registerModulusWh } = input.meter;
  const serial = input.meter.serial.trim();
  const meter = {
    serial,
    mapName: mapName ?? old.mapName,
    powerMaxW: powerMaxW ?? old.powerMaxW,
    registerModulusWh,
  };
  const newId = await insertExchange(tx, old, meter);
  // Its gateway may have known it before us.
  await insertRetryDuties(tx, { companyId, meterId: newId, nowMs, isUnasked: true });
  const closed = await readAffected(tx, { meterId, fromMs: atMs });
  const reason = input.reason.trim();
  const marks = [
    ...marksAt({ meterId, atMs, kind: 'removed' }, finalValues, null),
    ...marksAt({ meterId: newId, atMs, kind: 'installed' }, startValues, factor),
  ];
  await insertMarks(tx, marks, { companyId, author, reason, atMs: nowMs });
  await insertMarkDuties(tx, [
    { companyId, meterId, fromDay: dayOf(atMs) },
    { companyId, meterId: newId, fromDay: 0 },
  ]);
  await insertAudit(tx, {
    id: derivedId('audit', 'exchange', String(companyId), author, input.idempotencyKey),
    companyId,
    atMs: nowMs,
    actor: author,
    action: 'meter.exchange',
    subject: `meter/${meterId}`,
    before: { serial: old.serial, factor: factorText(oldFactor) },
    after: {
      meterId: newId,
      serial,
      factor: factorText(factor),
      at: instantText(atMs),
      finalValues: told(finalValues),
      startValues: told(startValues),
      reason,
      affectedBills: closed.bills,
    },
  });
  return accept({ newMeterId: String(newId), periods: closed.periods });
}

function inputTexts(input: ExchangeMeterInput): readonly string[] {
  const { meter } = input;
  return [
    String(input.meterId),
    String(input.atMs),
    JSON.stringify([told(input.finalValues), told(input.startValues)]),
    meter.serial,
    String(meter.mapName),
    String(meter.powerMaxW),
    String(meter.registerModulusWh),
    String(meter.factor),
    input.reason,
  ];
}

/**
 * Another meter takes the place of one: the old one's register ends with its final value, the new
 * one's begins with its start value, and what both counted is one bill of the service point.
 */
export async function exchangeMeter(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: ExchangeMeterInput,
): Promise<Outcome<ExchangedMeters, ExchangeMeterCode>> {
  if (!isAllowed(viewer.role, 'Mutation.exchangeMeter')) {
    return refuse('NOT_PERMITTED', 'Your role may not exchange meters. Ask an operator.');
  }
  const nowMs = clock.nowMs();
  const malformed = checkInput(input, nowMs);
  if (malformed !== null) return malformed;
  const key = { key: input.idempotencyKey, operation: 'exchangeMeter', input: inputTexts(input) };
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(tx, { viewer, ...key, nowMs }, () => exchange(tx, viewer, { input, nowMs })),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'rating' });
  const oldMeterId = parseMeterId(input.meterId);
  const newMeterId = parseMeterId(Number(textOf(answer, 'newMeterId')));
  if (!oldMeterId.ok || !newMeterId.ok) throw new Error('ids of registered meters are ids');
  return accept({
    oldMeterId: oldMeterId.value,
    newMeterId: newMeterId.value,
    affectedPeriodsMs: periodsOf(textOf(answer, 'periods')),
    isReplay,
  });
}
