import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { parseLoadCsv } from '../../src/cli/loadCsv.ts';
import { decodeBlock, planRead, readsAgree } from '../../src/devices/readPlan.ts';
import { registerMaps } from '../../src/devices/registerMaps.ts';
import { batchBytesMax, receiptBytesMax } from '../../src/domain/limits.ts';
import { createFrameReader, frameOf } from '../../src/ingest/batchFrames.ts';
import { openEnvelope } from '../../src/wire/batch.ts';
import { deflate } from '../../src/wire/compression.ts';
import { decodeBatch } from '../../src/wire/decodeBatch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import { envelopeBytes } from '../../src/wire/envelope.ts';
import type { Compression, Encoding } from '../../src/wire/envelope.ts';
import { jsonOfBatch, payloadOfJson } from '../../src/wire/jsonBatch.ts';
import { carriedOfJson, carriedOfParts } from '../../src/wire/jsonEnvelope.ts';
import { decodeEnvelope } from '../../src/wire/openBatch.ts';
import { decodeReceipt, encodeReceipt, openReceipt } from '../../src/wire/receipt.ts';
import type { Receipt } from '../../src/wire/receipt.ts';
import { importPriceCsv } from '../../src/wire/tariffs/priceCsv.ts';
import { arbitraryBatch } from '../../test/wire/arbitraryBatch.ts';
import { edgeId } from '../../test/wire/sampleBatch.ts';
import { bankTargets } from './bankTargets.ts';
import { bytesFormat, csvFormat, jsonFormat, protobufFormat } from './formats.ts';
import type { Target } from './run.ts';

const payload = arbitraryBatch.map((batch): Uint8Array => encodeBatch(batch));
const jsonText = arbitraryBatch.map((batch): Uint8Array => Buffer.from(jsonOfBatch(batch)));
/** No parser looks at it: signatures are checked between opening and decoding. */
const signature = new Uint8Array(64).fill(0x5a);
const keyId = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

const encodings: readonly Encoding[] = ['protobuf', 'json'];
const compressions: readonly Compression[] = ['none', 'gzip', 'zstd'];

function areEqual(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

const batchPayload: Target = {
  name: 'payload',
  valid: payload,
  format: protobufFormat,
  parse: (input) => {
    const decoded = decodeBatch(input);
    if (!decoded.ok || areEqual(encodeBatch(decoded.value), input)) return null;
    return 'a payload was accepted that is not the one spelling of its content';
  },
  fixedMicros: 2_000,
  microsPerByte: 0.2,
  bytesMax: batchBytesMax,
};

const carried = fc
  .record({
    batch: arbitraryBatch,
    encoding: fc.constantFrom(...encodings),
    compression: fc.constantFrom(...compressions),
  })
  .map(({ batch, encoding, compression }): Uint8Array => {
    const plain = encoding === 'json' ? Buffer.from(jsonOfBatch(batch)) : encodeBatch(batch);
    const packed = deflate(plain, compression);
    return envelopeBytes({ payload: packed, keyId, signature, encoding, compression });
  });

function openWhole(input: Uint8Array): string | null {
  const opened = openEnvelope(input);
  if (!opened.ok) return null;
  if (!areEqual(envelopeBytes(opened.value), input)) return 'an envelope has two spellings';
  const decoded = decodeEnvelope(opened.value);
  if (!decoded.ok) return null;
  const named = createHash('sha256').update('joulebook/batch/1\0');
  const hash = named.update(encodeBatch(decoded.value.batch)).digest();
  return areEqual(hash, decoded.value.hash) ? null : 'a hash does not name the content';
}

const envelope: Target = {
  name: 'envelope',
  valid: carried,
  format: protobufFormat,
  parse: openWhole,
  // A few bytes may unpack to a megabyte, and no further.
  fixedMicros: 100_000,
  microsPerByte: 1,
  bytesMax: batchBytesMax,
};

/** The envelope stays whole, so that every damaged byte is met by the unpacker. */
function inflateTarget(compression: Compression): Target {
  return {
    name: compression,
    valid: payload.map((plain) => deflate(plain, compression)),
    format: bytesFormat,
    parse: (input) => {
      decodeEnvelope({ payload: input, keyId, signature, encoding: 'protobuf', compression });
      return null;
    },
    fixedMicros: 100_000,
    microsPerByte: 1,
    bytesMax: batchBytesMax,
  };
}

/** Damage that is packed whole: the decoder must say of it what it says of the plain bytes. */
const packed: Target = {
  name: 'packed',
  valid: payload,
  format: protobufFormat,
  parse: (input) => {
    const compression = input.length % 2 === 0 ? 'gzip' : 'zstd';
    const carrier = { keyId, signature, encoding: 'protobuf' } as const;
    const bytes = deflate(input, compression);
    const unpacked = decodeEnvelope({ ...carrier, payload: bytes, compression });
    const plain = decodeEnvelope({ ...carrier, payload: input, compression: 'none' });
    if (unpacked.ok && plain.ok) {
      return areEqual(unpacked.value.hash, plain.value.hash) ? null : 'packing changes a hash';
    }
    const isSame = !unpacked.ok && !plain.ok && unpacked.message === plain.message;
    return isSame ? null : 'packing changes an answer';
  },
  fixedMicros: 100_000,
  microsPerByte: 1,
  bytesMax: batchBytesMax,
};

const jsonBatch: Target = {
  name: 'json-batch',
  valid: jsonText,
  format: jsonFormat,
  parse: (input) => {
    const canonical = payloadOfJson(input);
    if (!canonical.ok) return null;
    const decoded = decodeBatch(canonical.value);
    if (!decoded.ok) return null;
    const again = payloadOfJson(Buffer.from(jsonOfBatch(decoded.value)));
    if (again.ok && areEqual(again.value, canonical.value)) return null;
    return 'a JSON batch does not come back as itself';
  },
  fixedMicros: 5_000,
  microsPerByte: 2,
  bytesMax: batchBytesMax,
};

const jsonEnvelope: Target = {
  name: 'json-envelope',
  valid: jsonText.map((text): Uint8Array => {
    const batch = Buffer.from(text).toString('utf8');
    const signed = { keyId: '0102', signature: Buffer.from(signature).toString('base64'), batch };
    return Buffer.from(JSON.stringify(signed));
  }),
  format: jsonFormat,
  parse: (input) => {
    const opened = carriedOfJson(input);
    return opened.ok ? openWhole(opened.value) : null;
  },
  fixedMicros: 5_000,
  microsPerByte: 2,
  bytesMax: batchBytesMax,
};

/** The bare body with its headers in front, one a line. */
const jsonBody: Target = {
  name: 'json-body',
  valid: jsonText.map((text): Uint8Array => {
    const head = `0102\n${Buffer.from(signature).toString('base64')}\n`;
    return Buffer.concat([Buffer.from(head), text]);
  }),
  format: jsonFormat,
  parse: (input) => {
    const bytes = Buffer.from(input);
    const first = bytes.indexOf(10);
    const second = bytes.indexOf(10, first + 1);
    const headers = {
      keyId: bytes.toString('latin1', 0, Math.max(first, 0)),
      signature: bytes.toString('latin1', first + 1, Math.max(second, 0)),
    };
    const form = { encoding: 'json', compression: 'none' } as const;
    const opened = carriedOfParts(bytes.subarray(second + 1), headers, form);
    return opened.ok ? openWhole(opened.value) : null;
  },
  fixedMicros: 5_000,
  microsPerByte: 2,
  bytesMax: batchBytesMax,
};

const receipts: fc.Arbitrary<Receipt> = fc
  .record({
    edge: fc.integer({ min: 1, max: 2_147_483_647 }),
    sequence: fc.bigInt({ min: 1n, max: 2n ** 49n }),
    refused: fc.boolean(),
    runs: fc.nat(16),
  })
  .map(({ edge, sequence, refused, runs }) => ({
    edgeId: edgeId(edge),
    epoch: 1,
    stream: 'billing',
    sequence,
    hash: new Uint8Array(32).fill(7),
    state: refused ? 'refused' : 'committed',
    position: refused ? 0n : sequence,
    code: refused ? 'BATCH_MALFORMED' : null,
    contiguous: sequence,
    missing: Array.from({ length: runs }, (_, run) => ({
      from: sequence + BigInt(run * 10 + 2),
      to: sequence + BigInt(run * 10 + 9),
    })),
  }));

const receipt: Target = {
  name: 'receipt',
  valid: receipts.map((each): Uint8Array => encodeReceipt(each)),
  format: protobufFormat,
  parse: (input) => {
    openReceipt(input);
    const decoded = decodeReceipt(input);
    if (!decoded.ok || areEqual(encodeReceipt(decoded.value), input)) return null;
    return 'a receipt was accepted that is not the one spelling of its content';
  },
  fixedMicros: 2_000,
  microsPerByte: 0.5,
  bytesMax: receiptBytesMax,
};

/** What every model's registers can answer: each block of each map, read whole. */
const blocks = Object.values(registerMaps).flatMap((map) => {
  const channels = map.registers.map(({ channel }) => channel);
  const planned = planRead(map, channels);
  return planned.ok ? planned.value.map((block) => ({ map, block })) : [];
});

/** Fewer words than were asked for never come so far: the bus refuses such an answer. */
function wordsOf(input: Uint8Array, count: number): Uint16Array {
  const words = new Uint16Array(count);
  for (let at = 0; at < count; at += 1) {
    words[at] = ((input[1 + 2 * at] ?? 0) << 8) | (input[2 + 2 * at] ?? 0);
  }
  return words;
}

const modbusAnswer: Target = {
  name: 'modbus-answer',
  valid: fc.uint8Array({ minLength: 64, maxLength: 260 }),
  format: bytesFormat,
  parse: (input) => {
    const { map, block } = blocks[(input[0] ?? 0) % blocks.length] ?? {};
    if (map === undefined || block === undefined) return 'there is no register map';
    const first = decodeBlock(block, wordsOf(input, block.count), 1_000);
    const second = decodeBlock(block, wordsOf(input.subarray(2), block.count), 2_000);
    if (!first.ok || !second.ok) return null;
    readsAgree({ map, first: first.value, second: second.value, pace: 1 });
    const isNegative = first.value.some(
      ({ channel, valueInUnit }) => channel.endsWith('.8.0') && valueInUnit < 0n,
    );
    return isNegative ? 'an energy register stands below zero' : null;
  },
  fixedMicros: 5_000,
  microsPerByte: 5,
  bytesMax: 512,
};

function instants(rows: number): string[] {
  const beganMs = Date.UTC(2026, 2, 28);
  return Array.from({ length: rows }, (_, row) => {
    return new Date(beganMs + row * 900_000).toISOString();
  });
}

const loadCsv: Target = {
  name: 'load-csv',
  valid: fc.array(fc.nat(9_999), { minLength: 2, maxLength: 40 }).map((values): Uint8Array => {
    const starts = instants(values.length);
    const rows = values.map((value, row) => `${starts[row]},${value},${row}`);
    return Buffer.from(['start,import_wh,export_wh', ...rows, ''].join('\n'));
  }),
  format: csvFormat,
  parse: (input) => {
    const text = Buffer.from(input).toString('utf8');
    const load = parseLoadCsv(text);
    if (!load.ok) return null;
    const isWhole = load.value.import.every((each) => Number.isNaN(each) || each >= 0);
    return isWhole ? null : 'a load has negative energy';
  },
  // Two rows may lie ten years apart: a million intervals of two columns.
  fixedMicros: 100_000,
  microsPerByte: 5,
  bytesMax: batchBytesMax,
};

const priceCsv: Target = {
  name: 'price-csv',
  valid: fc.array(fc.nat(99_999), { minLength: 2, maxLength: 40 }).map((values): Uint8Array => {
    const starts = instants(values.length);
    const rows = values.map((value, row) => `${starts[row]},${(value - 5_000) / 100}`);
    return Buffer.from(['start,price', ...rows, ''].join('\n'));
  }),
  format: csvFormat,
  parse: (input) => {
    importPriceCsv(Buffer.from(input).toString('utf8'), { name: 'spot', unit: 'MWh' });
    return null;
  },
  fixedMicros: 100_000,
  microsPerByte: 5,
  bytesMax: batchBytesMax,
};

/** Frames of at most 16 kB: the memory of larger ones would be what is measured. */
function framesOf(chunks: readonly Uint8Array[]): string {
  const reader = createFrameReader(16_384);
  const hash = createHash('sha256');
  for (const chunk of chunks) {
    for (const frame of reader.push(chunk)) hash.update(String(frame.length)).update(frame);
  }
  return `${hash.digest('hex')} ${reader.problem() ?? reader.heldBytes()}`;
}

const stream: Target = {
  name: 'stream',
  valid: fc
    .array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: 6 })
    .map((frames): Uint8Array => Buffer.concat(frames.map((frame) => frameOf(frame)))),
  format: bytesFormat,
  parse: (input) => {
    const step = 1 + ((input[0] ?? 0) % 64);
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < input.length; at += step) chunks.push(input.subarray(at, at + step));
    const isSame = framesOf([input]) === framesOf(chunks);
    return isSame ? null : 'frames depend on how the stream is split';
  },
  fixedMicros: 20_000,
  microsPerByte: 10,
  bytesMax: 65_536,
};

/** Every parser that bytes from outside reach before a person has looked at them. */
export const targets: readonly Target[] = [
  envelope,
  batchPayload,
  inflateTarget('gzip'),
  inflateTarget('zstd'),
  packed,
  jsonBatch,
  jsonEnvelope,
  jsonBody,
  stream,
  receipt,
  modbusAnswer,
  loadCsv,
  priceCsv,
  ...bankTargets,
];
