import { insertAudit } from '../db/audit.ts';
import type { Transaction } from '../db/connect.ts';
import type { KeyedAnswer } from '../db/idempotency.ts';
import {
  insertMarkDuties,
  insertMarks,
  readClosedCharges,
  readMarkRows,
} from '../db/registerMarks.ts';
import type { MarkRow, MarkWord } from '../db/registerMarks.ts';
import { findMeters } from '../db/meterReads.ts';
import { holdPrices } from '../db/tariffVersions.ts';
import { asViewer } from '../db/viewer.ts';
import { isAllowed } from '../domain/access/policy.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { channelOf } from '../domain/channel.ts';
import { commandReasonLengthMax } from '../domain/command/limits.ts';
import { instantMsMax, readAheadMsMax, readAtMsMin, registerWhMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { dayOf } from '../domain/series/day.ts';
import { factorText, parseFactor } from '../domain/series/factor.ts';
import type { FactorCode } from '../domain/series/factor.ts';
import { everyChannel, factorBefore, marksOf, marksOfMeter } from '../domain/series/meterMarks.ts';
import { firstPhase } from '../domain/series/walkState.ts';
import { instantText } from '../domain/time/instantText.ts';
import { derivedId } from './derivedId.ts';
import { onceByKey, textOf } from './onceByKey.ts';
import type { KeyCode, RequestDeps } from './onceByKey.ts';

export type RecordMarkInput = {
  readonly idempotencyKey: string;
  readonly meterId: number;
  /** Null: all registers of the meter, as a transformer's ratio does; then without values. */
  readonly channel: number | null;
  readonly atMs: number;
  readonly kind: MarkRow['kind'];
  /** In the register's own counts: Wh, varh or litres before the factor. */
  readonly finalValue: bigint | null;
  readonly startValue: bigint | null;
  /** As on the plate, such as 200/5; null: as before. */
  readonly factor: string | null;
  readonly reason: string;
};

export type RecordMarkCode =
  | KeyCode
  | FactorCode
  | 'NOT_PERMITTED'
  | 'METER_NOT_FOUND'
  | 'CHANNEL_UNKNOWN'
  | 'REASON_MISSING'
  | 'MARK_IN_FUTURE'
  | 'MARK_OUT_OF_RANGE'
  | 'MARK_MALFORMED'
  | 'MARK_NOT_FOUND';

export type RecordedMark = {
  /** False: it was known, and nothing changes. */
  readonly isNew: boolean;
  /** Begins of the closed bills that are rated again; the audit has them as they were. */
  readonly affectedPeriodsMs: readonly number[];
  readonly isReplay: boolean;
};

type Refusal = Refused<RecordMarkCode>;

/** What must be known of a mark before anybody looks into the database. */
function checkShape({
  kind,
  channel,
  finalValue,
  startValue,
  factor,
}: RecordMarkInput): Refusal | null {
  const values = [finalValue, startValue];
  if (channel === null && values.some((value) => value !== null)) {
    const message = 'A value is of one register: name its channel, or leave the values out.';
    return refuse('MARK_MALFORMED', message, ['channel']);
  }
  if (values.some((value) => value !== null && (value < 0n || value > BigInt(registerWhMax)))) {
    const message = 'No register shows this: write its whole counts, such as 45231400 Wh.';
    return refuse('MARK_MALFORMED', message, ['finalValue']);
  }
  if (kind === 'factor' && factor === null) {
    return refuse('MARK_MALFORMED', 'Say the factor that holds from then on.', ['factor']);
  }
  if (kind === 'removed' && startValue !== null) {
    const message = 'A register that was taken away shows nothing from then on: leave it out.';
    return refuse('MARK_MALFORMED', message, ['startValue']);
  }
  if (kind === 'installed' && finalValue !== null) {
    const message = 'A register begins with its start value: leave the final one out.';
    return refuse('MARK_MALFORMED', message, ['finalValue']);
  }
  if (kind === 'withdrawn' && (factor !== null || values.some((value) => value !== null))) {
    const message = 'What is withdrawn has no values: leave them out.';
    return refuse('MARK_MALFORMED', message, ['kind']);
  }
  return null;
}

/** A calorific value may be known ahead; what somebody saw on a meter was seen. */
function checkInstant(
  { atMs, kind, finalValue, startValue }: RecordMarkInput,
  nowMs: number,
): Refusal | null {
  // What stands at an early instant already can be taken back.
  const atMsMin = kind === 'withdrawn' ? 0 : readAtMsMin;
  if (!Number.isInteger(atMs) || atMs < atMsMin || atMs > instantMsMax) {
    const message = 'Marks before 2000 or after 2200 are mistakes. Correct the time.';
    return refuse('MARK_OUT_OF_RANGE', message, ['at']);
  }
  const isAhead = kind === 'factor' || kind === 'withdrawn';
  const isSeen = finalValue !== null || startValue !== null;
  if (atMs <= nowMs + readAheadMsMax || (isAhead && !isSeen)) return null;
  const message =
    'Only a factor without values may be known ahead: record the rest when it has happened.';
  return refuse('MARK_IN_FUTURE', message, ['at']);
}

function checkInput(input: RecordMarkInput, nowMs: number): Refusal | null {
  if (input.channel !== null && channelOf(input.channel)?.kind !== 'register') {
    const message = `Channel ${input.channel} is no register; 1 is the main one.`;
    return refuse('CHANNEL_UNKNOWN', message, ['channel']);
  }
  const { length } = input.reason.trim();
  if (length === 0 || length > commandReasonLengthMax) {
    const message = `Say why in at most ${commandReasonLengthMax} letters; the audit needs it.`;
    return refuse('REASON_MISSING', message, ['reason']);
  }
  return checkInstant(input, nowMs) ?? checkShape(input);
}

function toldOf(row: MarkRow | undefined) {
  if (row === undefined) return null;
  const { kind, finalValue, startValue, factor } = row;
  return {
    kind,
    finalValue: finalValue?.toString() ?? null,
    startValue: startValue?.toString() ?? null,
    factor: factor === null ? null : factorText(factor),
  };
}

/** How the register counted until now: by the word on this instant, or by the marks before it. */
function toldBefore(
  words: readonly MarkWord[],
  before: MarkWord | undefined,
  { channel, atMs }: { readonly channel: number; readonly atMs: number },
) {
  if (before !== undefined && before.kind !== 'withdrawn') return toldOf(before);
  const factor = factorText(factorBefore(marksOfMeter(words), channel, atMs));
  return { kind: null, finalValue: null, startValue: null, factor };
}

function begins(words: readonly MarkWord[], channels: readonly number[]): string {
  const marks = marksOfMeter(words);
  return channels.map((channel) => firstPhase(marksOf(marks, channel))).join();
}

/**
 * Where the walk of a register differs from when the word `before` of an instant is `row` from now
 * on: an installation speaks of all before it, and so does a removal before the first one.
 */
export function changedFromDay(
  words: readonly MarkWord[],
  { row, before }: { readonly row: MarkRow; readonly before: MarkWord | undefined },
): number {
  if (row.kind === 'installed' || before?.kind === 'installed') return 0;
  const others = words.filter((word) => word !== before);
  const channels = [...new Set([row, ...words].map(({ channel }) => channel))];
  const isBegun =
    begins(words, channels) === begins([...others, { ...row, wasBound: true }], channels);
  return isBegun ? dayOf(row.atMs) : 0;
}

/** Closed bills that an instant's change is rated again with: for the audit, and their periods. */
export async function readAffected(
  tx: Transaction,
  wanted: { readonly meterId: number; readonly fromMs: number },
) {
  const closed = await readClosedCharges(tx, wanted);
  const bills = closed.map((bill) => ({
    periodStart: instantText(bill.periodStart.getTime()),
    tariffVersionId: bill.tariffVersionId,
    energyWh: bill.energyWh.toString(),
    amountMicros: bill.amountMicros.toString(),
  }));
  const periods = new Set(closed.map(({ periodStart }) => periodStart.getTime()));
  return { bills, periods: [...periods].join(',') };
}

/** The inverse, from what an answer keeps. */
export function periodsOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(',').map(Number);
}

async function record(
  tx: Transaction,
  viewer: Viewer,
  { input, nowMs }: { input: RecordMarkInput; nowMs: number },
): Promise<Outcome<KeyedAnswer, RecordMarkCode>> {
  const { companyId } = viewer;
  const { meterId, atMs, kind, finalValue, startValue } = input;
  const channel = input.channel ?? everyChannel;
  // A rating commit underway could close a bill meanwhile.
  await holdPrices(tx);
  const [meter] = await findMeters(tx, [meterId]);
  if (meter === undefined) {
    return refuse('METER_NOT_FOUND', 'There is no such meter. Check its id.', ['meterId']);
  }
  const words = await readMarkRows(tx, [meterId]);
  const before = words.find((word) => word.channel === channel && word.atMs === atMs);
  if (kind === 'withdrawn' && (before === undefined || before.kind === 'withdrawn')) {
    const message = 'No mark stands at this instant of the register: nothing was withdrawn.';
    return refuse('MARK_NOT_FOUND', message, ['at']);
  }
  const said = input.factor === null ? accept(null) : parseFactor(input.factor);
  if (!said.ok) return { ...said, path: ['factor'] };
  const factor = said.value;
  const row: MarkRow = { meterId, channel, atMs, kind, finalValue, startValue, factor };
  const after = toldOf(row);
  // Said before: nothing is written and nobody walks again.
  if (JSON.stringify(toldOf(before)) === JSON.stringify(after)) {
    return accept({ isNew: 'no', periods: '' });
  }
  const fromDay = changedFromDay(words, { row, before });
  const closed = await readAffected(tx, { meterId, fromMs: fromDay === 0 ? 0 : atMs });
  const reason = input.reason.trim();
  await insertMarks(tx, [row], { companyId, author: viewer.actor, reason, atMs: nowMs });
  await insertMarkDuties(tx, [{ companyId, meterId, fromDay }]);
  await insertAudit(tx, {
    id: derivedId('audit', 'mark', String(companyId), viewer.actor, input.idempotencyKey),
    companyId,
    atMs: nowMs,
    actor: viewer.actor,
    action: 'register.mark',
    subject: `meter/${meterId}`,
    before: toldBefore(words, before, { channel, atMs }),
    after: { ...after, channel, at: instantText(atMs), reason, affectedBills: closed.bills },
  });
  return accept({ isNew: 'yes', periods: closed.periods });
}

/**
 * Says that from an instant on a register counts otherwise. Its series is walked again from there,
 * and every bill that it touches is rated again, closed ones too; the difference is posted.
 */
export async function recordMark(
  { sql, clock, wake }: RequestDeps,
  viewer: Viewer,
  input: RecordMarkInput,
): Promise<Outcome<RecordedMark, RecordMarkCode>> {
  if (!isAllowed(viewer.role, 'Mutation.recordRegisterMark')) {
    return refuse('NOT_PERMITTED', 'Your role may not mark registers. Ask an operator.');
  }
  const nowMs = clock.nowMs();
  const malformed = checkInput(input, nowMs);
  if (malformed !== null) return malformed;
  const outcome = await asViewer(sql, viewer, (tx) =>
    onceByKey(
      tx,
      {
        viewer,
        key: input.idempotencyKey,
        operation: 'recordRegisterMark',
        input: [
          String(input.meterId),
          String(input.channel),
          String(input.atMs),
          input.kind,
          String(input.finalValue),
          String(input.startValue),
          String(input.factor),
          input.reason,
        ],
        nowMs,
      },
      () => record(tx, viewer, { input, nowMs }),
    ),
  );
  if (!outcome.ok) return outcome;
  const { answer, isReplay } = outcome.value;
  if (!isReplay) wake({ kind: 'rating' });
  return accept({
    isNew: textOf(answer, 'isNew') === 'yes',
    affectedPeriodsMs: periodsOf(textOf(answer, 'periods')),
    isReplay,
  });
}
