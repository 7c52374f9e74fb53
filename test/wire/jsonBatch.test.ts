import { generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert } from '../../src/domain/assert.ts';
import { batchBytesMax } from '../../src/domain/limits.ts';
import { openEnvelope, verifyEnvelope } from '../../src/wire/batch.ts';
import { decodeBatch } from '../../src/wire/decodeBatch.ts';
import { jsonOfBatch, payloadOfJson } from '../../src/wire/jsonBatch.ts';
import { carriedOfJson } from '../../src/wire/jsonEnvelope.ts';
import { receiptJson, sealReceiptJson } from '../../src/wire/receipt.ts';
import { arbitraryBatch } from './arbitraryBatch.ts';
import { edgeId, sampleBatch } from './sampleBatch.ts';

/** The block of the round's contract, two meters of one gateway, with every column. */
const block = {
  channel: 1,
  unit: 30,
  scaler: 0,
  meters: [1, 2],
  readAt: ['2026-11-21T08:00:00Z', '2026-11-21T08:00:01.5Z'],
  values: ['123', 456],
  quality: [0, 1],
  revision: [0, 1],
  clockOffsetMs: [0, -250],
  frame: [1, 0],
  multiplierThousandths: [0, 40_000],
};
const whole = {
  version: 1,
  edge: 7,
  epoch: 1,
  sequence: 12,
  previousHash: '00'.repeat(32),
  createdAt: '2026-11-21T08:00:02Z',
  stream: 'billing',
  blocks: [block],
  events: [{ code: 1, meter: 1, from: '2026-11-21T07:00:00Z', to: '2026-11-21T07:30:00Z' }],
  frames: ['aGVsbG8='],
};

function answer(text: string | Uint8Array): string {
  const payload = payloadOfJson(typeof text === 'string' ? Buffer.from(text, 'utf8') : text);
  if (!payload.ok) return `${payload.code}: ${payload.message}`;
  const decoded = decodeBatch(payload.value);
  return decoded.ok ? 'accepted' : `${decoded.code}: ${decoded.message}`;
}

const changed = (patch: object): string => JSON.stringify({ ...whole, ...patch });
const changedBlock = (patch: object): string => changed({ blocks: [{ ...block, ...patch }] });

const broken: readonly (readonly [what: string, text: string, code: string])[] = [
  ['NaN', JSON.stringify(whole).replace('456', 'NaN'), 'BATCH_MALFORMED'],
  ['Infinity', JSON.stringify(whole).replace('456', '1e999'), 'BATCH_MALFORMED'],
  ['null', 'null', 'BATCH_MALFORMED'],
  ['a list', '[]', 'BATCH_MALFORMED'],
  ['nothing', '', 'BATCH_MALFORMED'],
  ['a byte order mark', `\uFEFF${JSON.stringify(whole)}`, 'BATCH_MALFORMED'],
  ['another version', changed({ version: 2 }), 'BATCH_VERSION_UNKNOWN'],
  ['an unknown field', changed({ meter: 1 }), 'BATCH_MALFORMED'],
  ['an unknown field of a block', changedBlock({ value: [1, 2] }), 'BATCH_MALFORMED'],
  ['a field twice', JSON.stringify(whole).replace('"edge"', '"edge":8,"edge"'), 'BATCH_MALFORMED'],
  [
    'a field twice, once escaped',
    JSON.stringify(whole).replace('"edge"', '"\\u0065dge":8,"edge"'),
    'BATCH_MALFORMED',
  ],
  [
    'a field of a block twice',
    JSON.stringify(whole).replace('"unit"', '"unit":31,"unit"'),
    'BATCH_MALFORMED',
  ],
  ['an unknown stream', changed({ stream: 'bills' }), 'BATCH_MALFORMED'],
  ['edge 0', changed({ edge: 0 }), 'BATCH_MALFORMED'],
  ['sequence 0', changed({ sequence: 0 }), 'BATCH_MALFORMED'],
  ['a short hash', changed({ previousHash: '00' }), 'BATCH_MALFORMED'],
  ['a short column', changedBlock({ values: [1] }), 'BATCH_MALFORMED'],
  ['no column', changedBlock({ values: undefined }), 'BATCH_MALFORMED'],
  ['no meters', changedBlock({ meters: [] }), 'BATCH_MALFORMED'],
  ['half a count', changedBlock({ values: [1.5, 2] }), 'BATCH_MALFORMED'],
  ['a word for a count', changedBlock({ values: ['0x10', 2] }), 'BATCH_MALFORMED'],
  ['a value beyond any register', changedBlock({ values: [2 ** 50, 2] }), 'BATCH_READING'],
  ['a value beyond int64', changedBlock({ values: ['9999999999999999', 2] }), 'BATCH_READING'],
  [
    'a year of 1970',
    changedBlock({ readAt: ['1970-01-01T00:00:00Z', block.readAt[1]] }),
    'BATCH_R',
  ],
  [
    'a year of 2100',
    changedBlock({ readAt: ['2100-01-01T00:00:00Z', block.readAt[1]] }),
    'BATCH_R',
  ],
  ['30 February', changedBlock({ readAt: ['2026-02-30T00:00:00Z', block.readAt[1]] }), 'BATCH_MA'],
  ['a local time', changedBlock({ readAt: ['2026-02-03T00:00:00', block.readAt[1]] }), 'BATCH_MA'],
  ['meter 0', changedBlock({ meters: [0, 1] }), 'BATCH_READING_OUT_OF_RANGE'],
  ['meter 2^31', changedBlock({ meters: [2 ** 31, 1] }), 'BATCH_READING_OUT_OF_RANGE'],
  ['quality 3', changedBlock({ quality: [3, 0] }), 'BATCH_READING_OUT_OF_RANGE'],
  ['VOID of nothing', changedBlock({ quality: [4, 0] }), 'BATCH_READING_OUT_OF_RANGE'],
  ['a revision below 0', changedBlock({ revision: [-1, 0] }), 'BATCH_READING_OUT_OF_RANGE'],
  ['a frame that is not there', changedBlock({ frame: [2, 0] }), 'BATCH_MALFORMED'],
  ['frames that are no base64', changed({ frames: ['aGVsbG8'] }), 'BATCH_MALFORMED'],
  [
    'an event that ends before',
    changed({ events: [{ ...whole.events[0], to: whole.events[0]?.from.replace('07', '06') }] }),
    'BATCH_R',
  ],
  [
    '17,000 readings',
    changedBlock({ meters: Array.from({ length: 17_000 }, () => 1) }),
    'BATCH_TOO_LARGE',
  ],
  ['a deep nest', '['.repeat(batchBytesMax), 'BATCH_MALFORMED'],
  ['a deep nest that is closed', `${'['.repeat(5e5)}${']'.repeat(5e5)}`, 'BATCH_MALFORMED'],
  ['__proto__', JSON.stringify(whole).replace('"frames"', '"__proto__"'), 'BATCH_MALFORMED'],
];

describe('a JSON batch', () => {
  it('means what its words say', () => {
    const payload = payloadOfJson(Buffer.from(JSON.stringify(whole), 'utf8'));
    assert(payload.ok, 'the example of the contract is well formed');
    // 2026-11-21T08:00Z is 1795248000 s after 1970: `date -u -d 2026-11-21T08:00Z +%s`.
    const atMs = 1_795_248_000_000;
    expect(decodeBatch(payload.value)).toEqual({
      ok: true,
      value: {
        edgeId: edgeId(7),
        epoch: 1,
        sequence: 12n,
        previousHash: new Uint8Array(32),
        createdAtMs: atMs + 2_000,
        stream: 'billing',
        blocks: [
          {
            channel: 1,
            unit: 30,
            scaler: 0,
            meterId: Int32Array.of(1, 2),
            readAtMs: Float64Array.of(atMs, atMs + 1_500),
            value: BigInt64Array.of(123n, 456n),
            quality: Uint8Array.of(0, 1),
            revision: Int32Array.of(0, 1),
            clockOffsetMs: Int32Array.of(0, -250),
            frame: Int32Array.of(1, 0),
            multiplierThousandths: Int32Array.of(0, 40_000),
          },
        ],
        events: {
          code: Int32Array.of(1),
          meterId: Int32Array.of(1),
          fromMs: Float64Array.of(atMs - 3_600_000),
          toMs: Float64Array.of(atMs - 1_800_000),
        },
        frames: [new Uint8Array(Buffer.from('hello'))],
      },
    });
  });

  it('may leave out what is zero or empty, and spell its text as it likes', () => {
    const { channel, unit, meters, readAt, values } = block;
    const bare = { ...whole, blocks: [{ channel, unit, meters, readAt, values }] };
    const sparse = JSON.stringify({ ...bare, events: [], frames: undefined }, null, 3);
    expect(answer(sparse)).toBe('accepted');
    expect(answer(JSON.stringify(bare).replace('"edge"', '"\\u0065dge"'))).toBe('accepted');
  });

  it.each(broken)('with %s is refused with a code', (_, text, code) => {
    expect(answer(text).startsWith(code)).toBe(true);
  });

  it('in broken UTF-8 is refused, not mended', () => {
    const bytes = Buffer.from(JSON.stringify(whole), 'utf8');
    bytes[bytes.indexOf('billing')] = 0xff;
    expect(answer(bytes)).toContain('BATCH_MALFORMED');
  });

  it('says where it is wrong', () => {
    expect(answer(changedBlock({ values: ['1', '2x'] }))).toBe(
      'BATCH_MALFORMED: The JSON text is not a batch: blocks[0].values[1] is no whole number, ' +
        'nor a text of one.',
    );
  });

  it('never throws, whatever its fields are', () => {
    const names = fc.constantFrom(...Object.keys(whole), ...Object.keys(block));
    fc.assert(
      fc.property(arbitraryBatch, names, fc.jsonValue(), (batch, name, value) => {
        const text = jsonOfBatch(batch);
        const at = text.indexOf(`"${name}":`);
        const planted = `${text.slice(0, at)}"${name}":${JSON.stringify(value)},${text.slice(at)}`;
        expect(typeof answer(at < 0 ? JSON.stringify(value) : planted)).toBe('string');
      }),
      { numRuns: 500 },
    );
  });
});

describe('a JSON envelope', () => {
  const keys = generateKeyPairSync('ed25519');
  const text = JSON.stringify(whole);
  const signed = (batch: string): Record<string, string> => ({
    keyId: '0a0b0c0d',
    signature: sign(
      null,
      Buffer.from(`joulebook/batch-json/1\0${batch}`, 'utf8'),
      keys.privateKey,
    ).toString('base64'),
    batch,
  });
  const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value), 'utf8');

  it('carries the text as it was signed, whatever its spaces', () => {
    for (const spelling of [text, JSON.stringify(whole, null, 2), `  ${text}\n`]) {
      const carried = carriedOfJson(bytesOf(signed(spelling)));
      assert(carried.ok, 'a signed text');
      const opened = openEnvelope(carried.value);
      assert(opened.ok, 'what we carry opens');
      expect(Buffer.from(opened.value.payload).toString('utf8')).toBe(spelling);
      expect(verifyEnvelope(opened.value, keys.publicKey)).toBe(true);
    }
  });

  it.each([
    ['no object', [1]],
    ['no batch', { ...signed(text), batch: undefined }],
    ['a batch that is an object', { ...signed(text), batch: whole }],
    ['an empty batch', { ...signed(text), batch: '' }],
    ['half a surrogate', { ...signed(text), batch: '\ud800' }],
    ['a key id in capitals', { ...signed(text), keyId: '0A' }],
    ['an odd key id', { ...signed(text), keyId: '0' }],
    ['a key id of 33 bytes', { ...signed(text), keyId: '00'.repeat(33) }],
    ['a short signature', { ...signed(text), signature: 'AAAA' }],
    ['a signature with spaces', { ...signed(text), signature: ` ${signed(text)['signature']}` }],
    ['a further field', { ...signed(text), algorithm: 1 }],
  ])('with %s is refused', (_, value) => {
    expect(carriedOfJson(bytesOf(value))).toMatchObject({ ok: false, code: 'BATCH_MALFORMED' });
  });

  it.each([
    ['a batch that is an object', { ...signed(text), batch: whole }, /no text: .* in quotes/],
    ['no envelope around the batch', whole, /beside it, as headers do/],
    ['an upper-case key id', { ...signed(text), keyId: 'AB' }, /lower-case hex/],
  ])('with %s says what is wrong with it', (_, value, message) => {
    expect(carriedOfJson(bytesOf(value))).toMatchObject({
      message: expect.stringMatching(message),
    });
  });

  it('of more bytes than a batch may have is refused before it is parsed', () => {
    const body = new Uint8Array(6 * batchBytesMax + 1);
    expect(carriedOfJson(body)).toMatchObject({ code: 'BATCH_TOO_LARGE' });
    const long = signed(' '.repeat(batchBytesMax));
    expect(carriedOfJson(bytesOf(long))).toMatchObject({ code: 'BATCH_TOO_LARGE' });
  });
});

describe('a JSON receipt', () => {
  const { edgeId: edge, epoch, sequence } = sampleBatch([]);
  const receipt = {
    edgeId: edge,
    epoch,
    sequence,
    stream: 'billing',
    hash: new Uint8Array(32).fill(0xab),
    state: 'committed',
    position: 5n,
    code: null,
    contiguous: 10n,
    missing: [{ from: 12n, to: 90_000n }],
  } as const;

  it('says in words what the receipt says, and its text is signed as it is', () => {
    const keys = generateKeyPairSync('ed25519');
    const sealed = sealReceiptJson(receipt, {
      privateKey: keys.privateKey,
      keyId: Uint8Array.of(1, 255),
    });
    expect(sealed.text).toBe(receiptJson(receipt));
    expect(JSON.parse(sealed.text)).toEqual({
      version: 1,
      edge: 70_001,
      epoch: 3,
      sequence: 90_210,
      stream: 'billing',
      hash: 'ab'.repeat(32),
      state: 'committed',
      position: 5,
      code: null,
      contiguous: 10,
      missing: [{ from: 12, to: 90_000 }],
    });
    expect(sealed.keyId).toBe('01ff');
    const covered = Buffer.from(`joulebook/receipt-json/1\0${sealed.text}`, 'utf8');
    const signature = Buffer.from(sealed.signature, 'base64');
    expect(verify(null, covered, keys.publicKey, signature)).toBe(true);
  });
});
