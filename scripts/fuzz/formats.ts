/**
 * How an input falls into parts that mean something, so that whole fields, members and lines can be
 * dropped, doubled and exchanged, and which words of the format are worth planting.
 */
export type Format = {
  readonly partsOf: (bytes: Uint8Array) => Uint8Array[];
  readonly join: (parts: readonly Uint8Array[]) => Uint8Array;
  /** What a part holds and how it is closed again; null of a part that is whole. */
  readonly inside: (part: Uint8Array) => Inside | null;
  readonly words: readonly Uint8Array[];
  /** What is done to the parts; what only ever breaks the syntax is left out. */
  readonly moves: readonly Move[];
};

export type Move = 'drop' | 'double' | 'exchange' | 'replace' | 'insert' | 'repeat';

const allMoves = ['drop', 'double', 'exchange', 'replace', 'insert', 'repeat'] as const;

export type Inside = {
  readonly content: Uint8Array;
  readonly format: Format;
  readonly close: (content: Uint8Array) => Uint8Array;
};

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

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
function protobufParts(bytes: Uint8Array): Uint8Array[] {
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

function varintOf(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** A message in a message; its length is put right again. */
function messageIn(part: Uint8Array): Inside | null {
  if (((part[0] ?? 0) & 7) !== 2) return null;
  const tag = part.subarray(0, 1);
  const content = part.subarray(varintEnd(part, 1));
  const close = (inner: Uint8Array): Uint8Array => concat([tag, varintOf(inner.length), inner]);
  return content.length === 0 ? null : { content, format: protobufFormat, close };
}

/** A number whose last weight is no float64 any more. */
const endless = `${'80'.repeat(148)}01`;

export const protobufFormat: Format = {
  partsOf: protobufParts,
  join: concat,
  inside: messageIn,
  moves: allMoves,
  words: hexes([
    '00',
    '0800',
    '0801',
    '088100', // 1 in two bytes
    '0802',
    '20ffffffffffffffffff01', // a number of 64 bits
    '20ffffffffffff7f',
    `18${endless}`,
    `20${endless}`,
    `30${endless}`,
    `42${endless}`,
    `52${endless}`,
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

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

/** Steps over a text that begins at `at`: the place behind its closing quote. */
function textEnd(bytes: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < bytes.length && bytes[end] !== quote) end += bytes[end] === backslash ? 2 : 1;
  return Math.min(end + 1, bytes.length);
}

/** Elements of a list or members of an object, between their commas. */
function elementParts(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) at = textEnd(bytes, at) - 1;
    else if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    else if (byte === comma && depth === 0) {
      parts.push(bytes.subarray(from, at));
      from = at + 1;
    }
  }
  parts.push(bytes.subarray(from));
  return parts;
}

function joinElements(parts: readonly Uint8Array[]): Uint8Array {
  const separator = Uint8Array.of(comma);
  return concat(parts.flatMap((part, at) => (at === 0 ? [part] : [separator, part])));
}

/** The elements of a list or the members of an object. */
function elementsIn(value: Uint8Array): Inside | null {
  if (value.length < 3 || (value[0] !== 0x5b && value[0] !== 0x7b)) return null;
  const format = value[0] === 0x5b ? listFormat : objectFormat;
  const ends = [value.subarray(0, 1), value.subarray(-1)] as const;
  const close = (inner: Uint8Array): Uint8Array => concat([ends[0], inner, ends[1]]);
  return { content: value.subarray(1, -1), format, close };
}

/** What a member's value holds, or the value itself. */
function valueIn(member: Uint8Array): Inside | null {
  const end = textEnd(member, 0);
  if (member[0] !== quote || member[end] !== colon) return null;
  const name = member.subarray(0, end + 1);
  const value = member.subarray(end + 1);
  const inner = elementsIn(value);
  const closeInner = inner?.close ?? ((content: Uint8Array): Uint8Array => content);
  return {
    content: inner?.content ?? value,
    format: inner?.format ?? jsonFormat,
    close: (content) => concat([name, closeInner(content)]),
  };
}

export const jsonFormat: Format = {
  partsOf: (bytes) => [bytes],
  join: concat,
  inside: elementsIn,
  moves: ['replace'],
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

const listFormat: Format = {
  ...jsonFormat,
  partsOf: elementParts,
  join: joinElements,
  moves: allMoves,
};

const objectFormat: Format = {
  ...listFormat,
  inside: valueIn,
  words: texts([
    '"edge":8',
    '"edge":null',
    '"sequence":"1"',
    '"unknown":1',
    '"__proto__":{"edge":1}',
    '"constructor":1',
    '"version":1.0',
    '"version":2',
    '"blocks":[]',
    '"quality":[4]',
    '"revision":[1]',
    '"clockOffsetMs":[2147483648]',
    '"frame":[1]',
    '"events":[]',
    '"frames":["AA=="]',
    '"values":{"0":1,"length":1}',
  ]),
};

function partsAfter(bytes: Uint8Array, separator: RegExp): Uint8Array[] {
  return texts(Buffer.from(bytes).toString('utf8').split(separator));
}

function cellsIn(line: Uint8Array): Inside {
  return { content: line, format: cellFormat, close: (content) => content };
}

export const csvFormat: Format = {
  partsOf: (bytes) => partsAfter(bytes, /(?<=\n)/),
  join: concat,
  inside: cellsIn,
  moves: allMoves,
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

const cellFormat: Format = {
  ...csvFormat,
  partsOf: (bytes) => partsAfter(bytes, /(?<=,)/),
  inside: () => null,
  moves: ['replace', 'replace', 'replace', 'exchange', 'drop', 'insert'],
};

/** Between its tags; what stands between them is not looked into. */
export const xmlFormat: Format = {
  partsOf: (bytes) => partsAfter(bytes, /(?=<)|(?<=>)/),
  join: concat,
  inside: () => null,
  moves: allMoves,
  words: texts([
    '<',
    '>',
    '<a>',
    '</a>',
    '<a/>',
    '<Ntry>',
    '</Ntry>',
    '<![CDATA[',
    ']]>',
    '<!-- -->',
    '<!DOCTYPE a>',
    '<?a b?>',
    '<__proto__>',
    '<constructor/>',
    '&amp;',
    '&lol;',
    '&#0;',
    ' Ccy=""',
    '1e9',
    '-1',
    '\uFEFF',
    '\u0000',
  ]),
};

/** No structure that we know: blocks of eight bytes. */
function blockParts(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 8) parts.push(bytes.subarray(at, at + 8));
  return parts;
}

export const bytesFormat: Format = {
  partsOf: blockParts,
  join: concat,
  inside: () => null,
  moves: allMoves,
  words: hexes(['00', 'ff', '7f', '80', 'ffff', '7fc00000', '7f800000', '80000000', 'ffffffff']),
};
