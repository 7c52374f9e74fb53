import { assert } from '../domain/assert.ts';
import { parseEdgeId } from '../domain/ids.ts';
import {
  batchSequenceMax,
  blocksPerBatchMax,
  eventsPerBatchMax,
  frameBytesPerBatchMax,
  framesPerBatchMax,
  int2Max,
  int4Max,
  readAtMsMax,
  readAtMsMin,
  readingsPerBatchMax,
  scalerMax,
} from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { instantText } from '../domain/time/instantText.ts';
import type { Batch, EventBlock, RegisterBlock, Stream } from './batch.ts';
import { bytesOfBase64 } from './base64.ts';
import type { DecodeCode } from './decodeBatch.ts';
import type { RareName } from './decodeColumns.ts';
import { encodeBatch } from './encodeBatch.ts';
import {
  failAt,
  instantOf,
  integerOf,
  jsonReader,
  fillRows,
  takeFields,
  takeInteger,
  takeList,
  takeText,
  valueOf,
} from './jsonFields.ts';
import type { Element, JsonReader, Rows } from './jsonFields.ts';
import { fieldsIn, parseJson } from './jsonText.ts';

const int32 = { min: -int4Max - 1, max: int4Max };
const byte = { min: 0, max: 255 };
const id = { min: 1, max: int4Max };
const int16Id = { min: 1, max: int2Max };
const dated = { min: readAtMsMin, max: readAtMsMax };
const scalers = { min: -scalerMax, max: scalerMax };
const hashPattern = /^[0-9a-f]{64}$/;

const batchFields = [
  'version',
  'edge',
  'epoch',
  'sequence',
  'previousHash',
  'createdAt',
  'stream',
  'blocks',
  'events',
  'frames',
] as const;
const blockFields = [
  'channel',
  'unit',
  'scaler',
  'meters',
  'readAt',
  'values',
  'quality',
  'revision',
  'clockOffsetMs',
  'frame',
  'multiplierThousandths',
] as const;
const eventFields = ['code', 'meter', 'from', 'to'] as const;

function takeInstant(reader: JsonReader, raw: unknown, where: string): number {
  const instant = instantOf(raw, dated);
  if ('value' in instant) return instant.value;
  failAt(reader, where, instant.what);
  return dated.min;
}

type Fields = ReadonlyMap<string, unknown>;
type Place = { readonly fields: Fields; readonly where: string; readonly count: number };
type BlockField = (typeof blockFields)[number];

const tooManyReadings = `brings the batch above ${readingsPerBatchMax} readings; send it in parts`;

/** A column of a block: as many elements as the block has meters. */
function takeColumn<T>(
  reader: JsonReader,
  { fields, where, count }: Place,
  { name, read, into }: { name: BlockField; read: (each: unknown) => Element<T>; into: Rows<T> },
): void {
  const rows = takeList(reader, fields.get(name), `${where}.${name}`);
  if (rows.length === count) {
    fillRows(reader, rows, { where: `${where}.${name}`, read, into });
    return;
  }
  failAt(reader, `${where}.${name}`, `has ${rows.length} elements for ${count} meters`);
}

function takeRare(reader: JsonReader, place: Place, name: RareName): Int32Array {
  const into = new Int32Array(place.count);
  const read = (each: unknown): Element<number> => integerOf(each, int32);
  if (place.fields.has(name)) takeColumn(reader, place, { name, read, into });
  return into;
}

/** How many readings a block has, 0 when that cannot be said. */
function countOf(reader: JsonReader, fields: Fields, where: string): number {
  const { length } = takeList(reader, fields.get('meters'), `${where}.meters`);
  if (length === 0) failAt(reader, `${where}.meters`, 'is empty');
  if (length > readingsPerBatchMax) failAt(reader, where, tooManyReadings, 'BATCH_TOO_LARGE');
  return reader.problem === null ? length : 0;
}

const readId = (each: unknown): Element<number> => integerOf(each, id);
const readInstant = (each: unknown): Element<number> => instantOf(each, dated);
const readByte = (each: unknown): Element<number> => integerOf(each, byte);

function takeBlock(reader: JsonReader, raw: unknown, where: string): RegisterBlock {
  const fields = takeFields(reader, raw, where, blockFields);
  const count = countOf(reader, fields, where);
  const place = { fields, where, count };
  const unit = { min: 1, max: byte.max };
  const block = {
    channel: takeInteger(reader, fields.get('channel'), `${where}.channel`, int16Id),
    unit: takeInteger(reader, fields.get('unit'), `${where}.unit`, unit),
    scaler: takeInteger(reader, fields.get('scaler') ?? 0, `${where}.scaler`, scalers),
    meterId: new Int32Array(count),
    readAtMs: new Float64Array(count),
    value: new BigInt64Array(count),
    quality: new Uint8Array(count),
  };
  if (count === 0) return block;
  takeColumn(reader, place, { name: 'meters', read: readId, into: block.meterId });
  takeColumn(reader, place, { name: 'readAt', read: readInstant, into: block.readAtMs });
  takeColumn(reader, place, { name: 'values', read: valueOf, into: block.value });
  if (fields.has('quality')) {
    takeColumn(reader, place, { name: 'quality', read: readByte, into: block.quality });
  }
  return {
    ...block,
    revision: takeRare(reader, place, 'revision'),
    clockOffsetMs: takeRare(reader, place, 'clockOffsetMs'),
    frame: takeRare(reader, place, 'frame'),
    multiplierThousandths: takeRare(reader, place, 'multiplierThousandths'),
  };
}

function takeBlocks(reader: JsonReader, raw: unknown): RegisterBlock[] {
  const list = takeList(reader, raw, 'blocks');
  if (list.length > blocksPerBatchMax) failAt(reader, 'blocks', 'are too many');
  const blocks: RegisterBlock[] = [];
  let readings = 0;
  for (let at = 0; at < list.length && reader.problem === null; at += 1) {
    const block = takeBlock(reader, list[at], `blocks[${at}]`);
    readings += block.meterId.length;
    if (readings > readingsPerBatchMax) {
      failAt(reader, `blocks[${at}]`, tooManyReadings, 'BATCH_TOO_LARGE');
    }
    blocks.push(block);
  }
  return blocks;
}

function takeEvents(reader: JsonReader, raw: unknown): EventBlock | null {
  const list = raw === undefined ? [] : takeList(reader, raw, 'events');
  if (list.length > eventsPerBatchMax) {
    failAt(reader, 'events', `are more than ${eventsPerBatchMax}`, 'BATCH_TOO_LARGE');
  }
  if (list.length === 0 || reader.problem !== null) return null;
  const events = {
    code: new Int32Array(list.length),
    meterId: new Int32Array(list.length),
    fromMs: new Float64Array(list.length),
    toMs: new Float64Array(list.length),
  };
  for (let row = 0; row < list.length && reader.problem === null; row += 1) {
    const where = `events[${row}]`;
    const fields = takeFields(reader, list[row], where, eventFields);
    events.code[row] = takeInteger(reader, fields.get('code'), `${where}.code`, int16Id);
    events.meterId[row] = takeInteger(reader, fields.get('meter'), `${where}.meter`, id);
    events.fromMs[row] = takeInstant(reader, fields.get('from'), `${where}.from`);
    events.toMs[row] = takeInstant(reader, fields.get('to'), `${where}.to`);
  }
  return events;
}

function takeFrames(reader: JsonReader, raw: unknown): Uint8Array[] {
  const list = raw === undefined ? [] : takeList(reader, raw, 'frames');
  const frames: Uint8Array[] = [];
  let bytesLeft = frameBytesPerBatchMax;
  if (list.length > framesPerBatchMax) failAt(reader, 'frames', 'are too many', 'BATCH_TOO_LARGE');
  for (let at = 0; at < list.length && reader.problem === null; at += 1) {
    const frame = bytesOfBase64(list[at]);
    if (frame === null || frame.length === 0) {
      failAt(reader, `frames[${at}]`, 'is no base64 of at least a byte');
      break;
    }
    bytesLeft -= frame.length;
    if (bytesLeft < 0) failAt(reader, 'frames', 'are too long together', 'BATCH_TOO_LARGE');
    frames.push(frame);
  }
  return frames;
}

function takeStream(reader: JsonReader, raw: unknown): Stream {
  if (raw === 'billing' || raw === 'telemetry') return raw;
  failAt(reader, 'stream', 'is neither "billing" nor "telemetry"');
  return 'billing';
}

function takeBatch(reader: JsonReader, fields: Fields): Batch {
  const edge = parseEdgeId(takeInteger(reader, fields.get('edge'), 'edge', id));
  assert(edge.ok, 'an id in its range is well formed');
  const sequence = takeInteger(reader, fields.get('sequence'), 'sequence', {
    min: 1,
    max: batchSequenceMax,
  });
  const hash = takeText(reader, fields.get('previousHash'), 'previousHash', hashPattern);
  const head = {
    edgeId: edge.value,
    epoch: takeInteger(reader, fields.get('epoch'), 'epoch', id),
    sequence: BigInt(sequence),
    previousHash: Buffer.from(hash, 'hex'),
    createdAtMs: takeInstant(reader, fields.get('createdAt'), 'createdAt'),
    stream: takeStream(reader, fields.get('stream')),
  };
  const blocks = takeBlocks(reader, fields.get('blocks'));
  const events = takeEvents(reader, fields.get('events'));
  const frames = takeFrames(reader, fields.get('frames'));
  return { ...head, blocks, ...(events === null ? {} : { events }), frames };
}

/**
 * The BatchPayload of the same content: what the JSON twin of a batch is known by. What the numbers
 * mean is judged by the one decoder, on these bytes.
 */
export function payloadOfJson(text: Uint8Array): Outcome<Uint8Array, DecodeCode> {
  const parsed = parseJson(text);
  if (!parsed.ok) return refuse('BATCH_MALFORMED', parsed.message);
  const reader = jsonReader();
  const fields = takeFields(reader, parsed.value, 'The batch', batchFields);
  if (reader.problem === null && fields.get('version') !== 1) {
    return refuse('BATCH_VERSION_UNKNOWN', 'The version of a JSON batch is 1; no other is known.');
  }
  const batch = takeBatch(reader, fields);
  if (fieldsIn(text) !== reader.fieldCount) failAt(reader, 'The batch', 'has a field twice');
  const { problem } = reader;
  if (problem === null) return accept(encodeBatch(batch));
  return refuse(problem.code, `The JSON text is not a batch: ${problem.message}.`);
}

function jsonOfBlock({ meterId, readAtMs, value, quality, ...block }: RegisterBlock): unknown {
  const { channel, unit, scaler, revision, clockOffsetMs, frame, multiplierThousandths } = block;
  return {
    channel,
    unit,
    scaler,
    meters: [...meterId],
    readAt: Array.from(readAtMs, instantText),
    values: Array.from(value, Number),
    quality: [...quality],
    revision: revision && [...revision],
    clockOffsetMs: clockOffsetMs && [...clockOffsetMs],
    frame: frame && [...frame],
    multiplierThousandths: multiplierThousandths && [...multiplierThousandths],
  };
}

function jsonOfEvents({ code, meterId, fromMs, toMs }: EventBlock): unknown {
  return Array.from(code, (each, row) => ({
    code: each,
    meter: meterId[row],
    from: instantText(fromMs[row] ?? 0),
    to: instantText(toMs[row] ?? 0),
  }));
}

/** The JSON twin of a batch: for simple senders, and for people to read. */
export function jsonOfBatch(batch: Batch): string {
  return JSON.stringify({
    version: 1,
    edge: batch.edgeId,
    epoch: batch.epoch,
    sequence: Number(batch.sequence),
    previousHash: Buffer.from(batch.previousHash).toString('hex'),
    createdAt: instantText(batch.createdAtMs),
    stream: batch.stream,
    blocks: batch.blocks.map(jsonOfBlock),
    events: batch.events && jsonOfEvents(batch.events),
    frames: batch.frames?.map((frame) => Buffer.from(frame).toString('base64')),
  });
}
