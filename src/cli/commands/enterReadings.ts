import { randomUUID } from 'node:crypto';
import { accept } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { derivedId } from '../../operations/derivedId.ts';
import type { EnteredReading } from '../../operations/office/checkEntries.ts';
import { dismissReadings } from '../../operations/office/dismissReadings.ts';
import type { EnteredReadings } from '../../operations/office/enterReadings.ts';
import { editReading } from '../../operations/office/editReading.ts';
import { recordReadings } from '../../operations/office/recordReadings.ts';
import { retryReadings } from '../../operations/office/retryReadings.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { parseEnteredCsv } from '../enteredCsv.ts';
import type { EnteredLine } from '../enteredCsv.ts';
import { readText } from '../inputFile.ts';
import { instantOf } from '../meterAt.ts';
import { meterOfSerial, withOffice } from '../officeDatabase.ts';
import type { OfficeGround, OfficeOptions } from '../officeDatabase.ts';
import { officeKeyFrom } from '../officeKey.ts';
import { idNumberMax, meterNumberOf, wholeNumber } from '../wholeNumber.ts';

/** Each meter of a file by its serial; the first that is unknown refuses all. */
async function meterIdsOf(
  ground: OfficeGround,
  lines: readonly EnteredLine[],
): Promise<Outcome<readonly EnteredReading[], 'METER_NOT_FOUND'>> {
  const ids = new Map<string, number>();
  const readings: EnteredReading[] = [];
  for (const { serial, ...reading } of lines) {
    if (!ids.has(serial)) {
      const found = await meterOfSerial(ground, serial);
      if (!found.ok) return found;
      ids.set(serial, found.value);
    }
    readings.push({ ...reading, meterId: ids.get(serial) ?? 0 });
  }
  return accept(readings);
}

/** What of it does not count, as a sentence behind another; nothing where all of it does. */
export function outrankedSentence({ outrankedCount, firstOutranked }: EnteredReadings): string {
  if (firstOutranked === null) return '';
  const { meterId, channel, atMs, revision } = firstOutranked;
  return (
    ` ${outrankedCount} of them do not count, because an edit ranks above them: the first is of ` +
    `meter ${meterId}, channel ${channel}, ${instantText(atMs)}, where revision ${revision} ` +
    `stands. Put it right with reading edit --supersedes ${revision}.`
  );
}

export function keyOrRandom(key: string | undefined): string {
  return key ?? randomUUID();
}

/** Does something, as the office of the company, with the readings that a CSV has. */
export async function withReadingsFile(
  file: string,
  options: OfficeOptions,
  work: (
    ground: OfficeGround,
    entered: { readonly readings: readonly EnteredReading[]; readonly text: string },
  ) => Promise<Answer>,
): Promise<Answer> {
  const key = officeKeyFrom({ data: options.data, officeKey: options.officeKey });
  if (!key.ok) return key;
  const text = readText(file);
  if (!text.ok) return text;
  const lines = parseEnteredCsv(text.value);
  if (!lines.ok) return { ...lines, message: `${file}: ${lines.message}` };
  return withOffice(options, key.value, async (ground): Promise<Answer> => {
    const readings = await meterIdsOf(ground, lines.value);
    if (!readings.ok) return readings;
    return work(ground, { readings: readings.value, text: text.value });
  });
}

/** Readings of a round; what the file says is its key, so entering it twice enters it once. */
export async function recordReadingsFile(
  file: string,
  options: OfficeOptions & { readonly reason: string },
): Promise<Answer> {
  const { reason } = options;
  return withReadingsFile(file, options, async (ground, { readings, text }) => {
    const idempotencyKey = derivedId('readings', reason, text);
    const input = { idempotencyKey, reason, readings };
    const done = await recordReadings(ground.deps, ground.viewer, input);
    if (!done.ok) return done;
    const { readings: count, batches, isReplay } = done.value;
    const sentence = isReplay
      ? `${file} was entered before; nothing is new.`
      : `${count} readings are in the log, in ${batches.length} batches of the office.`;
    const facts = { ...done.value };
    return accept({ sentence: sentence + outrankedSentence(done.value), facts });
  });
}

export type EditOptions = OfficeOptions & {
  readonly meter: string;
  readonly at: string;
  readonly channel: string;
  readonly value: string | undefined;
  readonly void: boolean;
  readonly supersedes: string;
  readonly reason: string;
  readonly key: string | undefined;
};

export async function editOneReading(options: EditOptions): Promise<Answer> {
  if ((options.value === undefined) !== options.void) {
    throw new Misused('give --value, or --void to take the reading out');
  }
  const atMs = instantOf(options.at);
  const value = options.value === undefined ? null : wholeNumber(options.value, '--value');
  const channel = wholeNumber(options.channel, '--channel');
  const supersedes = wholeNumber(options.supersedes, '--supersedes', { max: idNumberMax });
  const key = officeKeyFrom({ data: options.data, officeKey: options.officeKey });
  if (!key.ok) return key;
  return withOffice(options, key.value, async (ground) => {
    const meter = await meterOfSerial(ground, options.meter);
    if (!meter.ok) return meter;
    const done = await editReading(ground.deps, ground.viewer, {
      idempotencyKey: keyOrRandom(options.key),
      meterId: meter.value,
      channel,
      atMs,
      value: value === null ? null : BigInt(value),
      supersedes,
      reason: options.reason,
    });
    if (!done.ok) return done;
    const { revision, isReplay } = done.value;
    const what = value === null ? 'does not count any more' : `shows ${value}`;
    const sentence = `${options.meter} at ${options.at} ${what}; revision ${revision}.`;
    return accept({ sentence, facts: { meter: options.meter, revision, isReplay } });
  });
}

export async function retryHeldBack(
  options: OfficeOptions & { readonly meter: string | undefined; readonly key: string | undefined },
): Promise<Answer> {
  const key = officeKeyFrom({ data: options.data, officeKey: options.officeKey });
  if (!key.ok) return key;
  return withOffice(options, key.value, async (ground) => {
    const meter =
      options.meter === undefined ? accept(null) : await meterOfSerial(ground, options.meter);
    if (!meter.ok) return meter;
    const input = { idempotencyKey: keyOrRandom(options.key), meterId: meter.value };
    const done = await retryReadings(ground.deps, ground.viewer, input);
    if (!done.ok) return done;
    const { meters, rows, duties } = done.value;
    const anew = duties === 0 ? '' : ` ${duties} that had failed are rated anew.`;
    const sentence = `${rows} rows of ${meters} meters are looked at again by the rater.${anew}`;
    return accept({ sentence, facts: { ...done.value } });
  });
}

export type DismissOptions = OfficeOptions & {
  readonly meter: string | undefined;
  readonly number: string | undefined;
  readonly code: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly reason: string;
  readonly key: string | undefined;
};

/** Leaves rows that are held back out for good. */
export async function dismissHeldBackRows(options: DismissOptions): Promise<Answer> {
  const { meter: serial, number } = options;
  if (serial !== undefined && number !== undefined) {
    throw new Misused('give --meter of a registered meter, or --number of one that is not');
  }
  const meterNumber = number === undefined ? null : meterNumberOf(number);
  const [fromMs, toMs] = [options.from, options.to].map((text) =>
    text === undefined ? null : instantOf(text),
  );
  const key = officeKeyFrom({ data: options.data, officeKey: options.officeKey });
  if (!key.ok) return key;
  return withOffice(options, key.value, async (ground) => {
    const meter = serial === undefined ? accept(meterNumber) : await meterOfSerial(ground, serial);
    if (!meter.ok) return meter;
    const done = await dismissReadings(ground.deps, ground.viewer, {
      idempotencyKey: keyOrRandom(options.key),
      reason: options.reason,
      meterId: meter.value,
      code: options.code ?? null,
      fromMs,
      toMs,
    });
    if (!done.ok) return done;
    const { rows, isMore } = done.value;
    const more = isMore ? ' There may be more: run it again.' : '';
    const sentence = `${rows} rows that were held back are left out for good.${more}`;
    return accept({ sentence, facts: { ...done.value } });
  });
}
