import { gzipSync, zstdCompressSync } from 'node:zlib';
import { intervalEnergyChannel } from '../../src/domain/channel.ts';
import { openEnvelope, signBatch } from '../../src/wire/batch.ts';
import type { RegisterBlock } from '../../src/wire/batch.ts';
import { encodeBatch } from '../../src/wire/encodeBatch.ts';
import type { PayloadForm } from '../../src/wire/envelope.ts';
import { parseEdgeId } from '../../src/domain/ids.ts';
import { makeBatch } from '../../test/support/build/chainMaker.ts';
import { importBlock, testEdge } from '../../test/support/build/edge.ts';
import type { BadInputWorld, Gateway } from './world.ts';

/** What is posted to /v1/batches. */
export type Posted = {
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
};

export type BadCase = {
  readonly name: string;
  readonly code: string;
  /** EMS.E12 of requirement 000.39 is answered, too. */
  readonly isCorrupt: boolean;
  /** The batch is refused as a whole, or taken with its row held back. */
  readonly kind: 'refused' | 'heldBack';
  posted(place: Place): Posted;
};

/** Where the good gateway's chain stands: bad batches take the next number. */
export type Place = {
  readonly sequence: bigint;
  readonly previousHash: Uint8Array;
  readonly atMs: number;
};

const protobuf = { 'content-type': 'application/x-protobuf' };

function carried(body: Uint8Array): Posted {
  return { body, headers: protobuf };
}

/** As a simple sender does it: the text as the body, key and signature as headers. */
function jsonPosted(text: string, { edge }: Gateway): Posted {
  const body = Buffer.from(text, 'utf8');
  const form: PayloadForm = { encoding: 'json', compression: 'none' };
  const sealed = openEnvelope(signBatch(Uint8Array.of(0), edge));
  if (!sealed.ok) throw new Error(sealed.message);
  const signed = body.length < 1_000_000 ? openEnvelope(signBatch(body, edge, form)) : sealed;
  if (!signed.ok) throw new Error(signed.message);
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'joulebook-key-id': Buffer.from(edge.keyId).toString('hex'),
      'joulebook-signature': Buffer.from(signed.value.signature).toString('base64'),
    },
  };
}

function jsonText(
  { edgeId }: Gateway,
  { sequence, previousHash }: Place,
  { meters, readAt, values }: { meters: string; readAt: string; values: string },
): string {
  const block =
    '{"channel":1,"unit":30,"scaler":0,' +
    `"meters":[${meters}],"readAt":[${readAt}],"values":[${values}]}`;
  return (
    `{"version":1,"edge":${edgeId},"epoch":1,"sequence":${sequence},` +
    `"previousHash":"${Buffer.from(previousHash).toString('hex')}",` +
    `"createdAt":"2026-06-01T12:00:00Z","stream":"billing","blocks":[${block}]}`
  );
}

function batchesOf({ good, rival, revoked, meterId }: BadInputWorld) {
  const reading = (atMs: number): RegisterBlock => importBlock([{ meterId, atMs, wh: 5 }]);
  const next = (place: Place, blocks: readonly RegisterBlock[], gateway = good) =>
    makeBatch(gateway.edge, { ...place, edgeId: gateway.edgeId, blocks }).carried;
  const payload = ({ atMs, ...place }: Place): Uint8Array => {
    const edgeId = parseEdgeId(good.edgeId);
    if (!edgeId.ok) throw new Error(edgeId.message);
    const blocks = [reading(atMs)];
    const rest = { epoch: 1, createdAtMs: atMs, stream: 'billing', blocks } as const;
    return encodeBatch({ ...place, ...rest, edgeId: edgeId.value });
  };
  const first = { sequence: 1n, previousHash: new Uint8Array(32) };
  return { good, rival, revoked, meterId, reading, next, payload, first };
}

type Batches = ReturnType<typeof batchesOf>;

function ofSenders({ good, rival, revoked, meterId, reading, next, first }: Batches) {
  const stranger = testEdge();
  return [
    [
      'signed by a key that nobody registered',
      'BATCH_KEY_UNKNOWN',
      (place: Place) => carried(next(place, [reading(place.atMs)], { ...good, edge: stranger })),
    ],
    [
      'another key behind the name of a known one',
      'BATCH_SIGNATURE_WRONG',
      (place: Place) =>
        carried(
          next(place, [reading(place.atMs)], {
            ...good,
            edge: { ...stranger, keyId: good.edge.keyId },
          }),
        ),
    ],
    [
      'signed by a key that was revoked',
      'BATCH_KEY_REVOKED',
      ({ atMs }: Place) => carried(next({ ...first, atMs }, [reading(atMs)], revoked)),
    ],
    [
      'in the name of another gateway',
      'BATCH_EDGE_FOREIGN',
      (place: Place) =>
        carried(next(place, [reading(place.atMs)], { ...good, edgeId: rival.edgeId })),
    ],
    [
      'an epoch begun again with other readings',
      'BATCH_SEQUENCE_REUSED',
      ({ atMs }: Place) => carried(next({ ...first, atMs }, [reading(atMs)])),
    ],
    [
      'a chain that does not fit',
      'BATCH_CHAIN_BROKEN',
      (place: Place) =>
        carried(
          next({ ...place, previousHash: new Uint8Array(32).fill(9) }, [reading(place.atMs)]),
        ),
    ],
    [
      'an edit by a gateway',
      'BATCH_REVISION_FOREIGN',
      (place: Place) =>
        carried(next(place, [{ ...reading(place.atMs), revision: Int32Array.of(1) }])),
    ],
    [
      'two gateways claim one meter',
      'METER_FOREIGN',
      ({ atMs }: Place) =>
        carried(next({ ...first, atMs }, [importBlock([{ meterId, atMs, wh: 7 }])], rival)),
    ],
  ] as const;
}

function ofBytes({ good, reading, next, payload }: Batches) {
  const packed = (bytes: Uint8Array, compression: 'gzip' | 'zstd'): Posted =>
    carried(signBatch(bytes, good.edge, { encoding: 'protobuf', compression }));
  return [
    ['noise', 'BATCH_MALFORMED', () => carried(Buffer.from('not a batch'))],
    [
      'one bit changed on the way',
      'BATCH_SIGNATURE_WRONG',
      (place: Place) => {
        const bytes = Uint8Array.from(next(place, [reading(place.atMs)]));
        bytes[40] ^= 1;
        return carried(bytes);
      },
    ],
    [
      'an envelope that is cut off',
      'BATCH_MALFORMED',
      (place: Place) => carried(next(place, [reading(place.atMs)]).slice(0, 60)),
    ],
    [
      'gzip that is cut off',
      'BATCH_COMPRESSION_BROKEN',
      (place: Place) => packed(gzipSync(payload(place)).subarray(0, -9), 'gzip'),
    ],
    [
      'zstd that is cut off',
      'BATCH_COMPRESSION_BROKEN',
      (place: Place) => packed(zstdCompressSync(payload(place)).subarray(0, -4), 'zstd'),
    ],
    [
      'a gzip bomb of 64 MB',
      'BATCH_INFLATES_TOO_FAR',
      () => packed(gzipSync(Buffer.alloc(67_108_864)), 'gzip'),
    ],
    [
      'a zstd bomb of 128 MB',
      'BATCH_INFLATES_TOO_FAR',
      () => packed(zstdCompressSync(Buffer.alloc(134_217_728)), 'zstd'),
    ],
    [
      'another layout',
      'BATCH_VERSION_UNKNOWN',
      () => carried(signBatch(Uint8Array.of(8, 2), good.edge)),
    ],
  ] as const;
}

function ofContent({ good, meterId, reading, next }: Batches) {
  const one = (readAt: string, values: string) => (place: Place) =>
    jsonPosted(jsonText(good, place, { meters: String(meterId), readAt, values }), good);
  const many = (place: Place): Posted => {
    const column = (cell: string): string => Array.from({ length: 100_000 }, () => cell).join(',');
    const meters = column(String(meterId));
    const columns = { meters, readAt: column('"2026-06-01T12:00:00Z"'), values: column('5') };
    return jsonPosted(jsonText(good, place, columns), good);
  };
  return [
    ['a batch of 100,000 readings', 'BATCH_TOO_LARGE', many],
    ['a reading of 1970', 'BATCH_READING_OUT_OF_RANGE', one('"1970-01-01T00:00:01Z"', '5')],
    ['a reading of 2099', 'READING_IN_FUTURE', one('"2099-12-31T00:00:00Z"', '5')],
    ['NaN in JSON', 'BATCH_MALFORMED', one('"2026-06-01T12:00:00Z"', 'NaN')],
    [
      'a unit that the channel has not',
      'UNIT_MISMATCH',
      (place: Place) => carried(next(place, [{ ...reading(place.atMs), unit: 27 }])),
    ],
    [
      'a unit that nobody knows',
      'UNIT_MISMATCH',
      (place: Place) => carried(next(place, [{ ...reading(place.atMs), unit: 254 }])),
    ],
    [
      'a channel that nobody knows',
      'CHANNEL_UNKNOWN',
      (place: Place) =>
        carried(next(place, [{ ...reading(place.atMs), channel: intervalEnergyChannel + 7 }])),
    ],
    [
      'a meter that nobody knows',
      'METER_UNKNOWN',
      (place: Place) =>
        carried(next(place, [importBlock([{ meterId: 2_000_000_000, atMs: place.atMs, wh: 1 }])])),
    ],
  ] as const;
}

/** Answered with EMS.E12: what came is not what somebody sent. */
const corrupt = new Set([
  'BATCH_MALFORMED',
  'BATCH_SIGNATURE_WRONG',
  'BATCH_COMPRESSION_BROKEN',
  'BATCH_INFLATES_TOO_FAR',
  'BATCH_VERSION_UNKNOWN',
]);

/** Everything that must not be billed, and what is said to it. */
export function badCases(world: BadInputWorld): readonly BadCase[] {
  const batches = batchesOf(world);
  const all = [...ofSenders(batches), ...ofBytes(batches), ...ofContent(batches)];
  return all.map(([name, code, posted]) => ({
    name,
    code,
    isCorrupt: corrupt.has(code),
    kind: code.startsWith('BATCH_') ? 'refused' : 'heldBack',
    posted,
  }));
}
