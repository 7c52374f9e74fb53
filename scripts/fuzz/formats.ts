/**
 * How an input falls into parts that mean something, so that whole fields, tokens and lines can be
 * dropped, doubled and exchanged, and which words of the format are worth planting.
 */
export type Format = {
  readonly partsOf: (bytes: Uint8Array) => readonly Uint8Array[];
  readonly words: readonly Uint8Array[];
};

function texts(words: readonly string[]): Uint8Array[] {
  return words.map((word) => Buffer.from(word, 'utf8'));
}

function hexes(words: readonly string[]): Uint8Array[] {
  return words.map((word) => Buffer.from(word, 'hex'));
}

/** The end of a varint that begins at `at`; the end of the bytes when it is cut off. */
function varintEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && (bytes[end] ?? 0) >= 0x80) end += 1;
  return Math.min(end + 1, bytes.length);
}

function varintAt(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = to - 1; at >= from; at -= 1) value = value * 128 + ((bytes[at] ?? 0) & 0x7f);
  return value;
}

/** Fields of the outermost message; what is not protobuf becomes one part. */
function protobufParts(bytes: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const wireType = (bytes[at] ?? 0) & 7;
    const numberEnd = varintEnd(bytes, at + 1);
    const length = wireType === 2 ? varintAt(bytes, at + 1, numberEnd) : 0;
    const end = Math.min(numberEnd + length, bytes.length);
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

export const protobufFormat: Format = {
  partsOf: protobufParts,
  words: hexes([
    '00',
    '0800',
    '0801',
    '088100', // 1 in two bytes
    '0802',
    '20ffffffffffffffffff01', // a number of 64 bits
    '20ffffffffffff7f',
    '2800',
    '2801',
    '3001',
    '3002',
    '3003',
    '3801',
    '4200', // an empty block
    '4a00',
    '5200',
    '520101',
    '42ffffffff0f', // a block longer than any message
    '4280808080808080808001',
    'ffffffff',
    '00000080',
    'ffffffffffffffff',
    '0000000000000080',
    '0000000000000400', // 2^50
    '008053ee6c000000',
  ]),
};

const jsonToken = /"(?:[^"\\]|\\.)*"|[-+\d.eE]+|[{}[\],:]|[^\s]/g;

function tokenParts(bytes: Uint8Array): readonly Uint8Array[] {
  return texts(Buffer.from(bytes).toString('utf8').match(jsonToken) ?? []);
}

export const jsonFormat: Format = {
  partsOf: tokenParts,
  words: texts([
    'null',
    'true',
    'NaN',
    '-0',
    '0',
    '1',
    '-1',
    '1.5',
    '1e3',
    '1e999',
    '1125899906842624',
    '9007199254740993',
    '18446744073709551616',
    '"18446744073709551616"',
    '"-1125899906842624"',
    '""',
    '" "',
    '"1970-01-01T00:00:00Z"',
    '"2026-02-30T00:00:00Z"',
    '"2099-12-31T23:59:59.9999Z"',
    '"2026-11-21T08:00:00+14:00"',
    '"\\ud800"',
    '"__proto__"',
    '"constructor"',
    '"length"',
    '[]',
    '{}',
    '[[[[[[[[]]]]]]]]',
    '{"length":9}',
    '"AA=="',
    '\uFEFF',
  ]),
};

function lineParts(bytes: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(bytes).toString('utf8');
  return texts(text.split(/(?<=[,\n])/));
}

export const csvFormat: Format = {
  partsOf: lineParts,
  words: texts([
    ',',
    '\n',
    '\r\n',
    '\n\n\n',
    '"',
    '0,',
    '-1,',
    '1e9,',
    'NaN,',
    '0.00000001,',
    '99999999999999999999,',
    '1970-01-01T00:00:00Z,',
    '2026-03-29T02:30:00+02:00,',
    '2026-03-29T02:30:00,',
    '9999-12-31T23:59:59Z,',
    'start,import_wh\n',
    'start,price\n',
    '\uFEFF',
    '\u0000',
  ]),
};

/** No structure that we know: blocks of eight bytes. */
function blockParts(bytes: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 8) parts.push(bytes.subarray(at, at + 8));
  return parts;
}

export const bytesFormat: Format = {
  partsOf: blockParts,
  words: hexes(['00', 'ff', '7f', '80', 'ffff', '7fc00000', '7f800000', '80000000', 'ffffffff']),
};
