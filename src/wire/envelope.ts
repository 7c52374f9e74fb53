import { sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { assert } from '../domain/assert.ts';
import { keyIdBytesMax } from '../domain/limits.ts';
import {
  bytesSize,
  cursorOver,
  numberSize,
  putBytes,
  putNumber,
  takeBytes,
  takeEnd,
  takeNumber,
  writerOf,
  written,
} from './protobuf.ts';

/** A signed message as it came: views of the carried bytes, nothing verified yet. */
export type Envelope = {
  readonly payload: Uint8Array;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
  readonly encoding: Encoding;
  readonly compression: Compression;
};

export type Encoding = 'protobuf' | 'json';
export type Compression = 'none' | 'gzip' | 'zstd';
/** How the carried bytes of a payload are to be read. */
export type PayloadForm = { readonly encoding: Encoding; readonly compression: Compression };

export const plainForm: PayloadForm = { encoding: 'protobuf', compression: 'none' };

export type SigningKey = { readonly privateKey: KeyObject; readonly keyId: Uint8Array };

/** RFC 8032, 5.1.6. */
export const signatureBytes = 64;
const algorithmEd25519 = 1;
/** By their codes on the wire. */
const encodings = ['protobuf', 'json'] as const;
const compressions = ['none', 'gzip', 'zstd'] as const;

/** The prefix keeps a signature over one kind of message from counting for another. */
function signedBytes(domain: Uint8Array, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(domain.length + payload.length);
  bytes.set(domain, 0);
  bytes.set(payload, domain.length);
  return bytes;
}

export function signBytes(
  domain: Uint8Array,
  payload: Uint8Array,
  { privateKey, keyId }: SigningKey,
): Pick<Envelope, 'keyId' | 'signature'> {
  assert(privateKey.asymmetricKeyType === 'ed25519', 'a signing key is an Ed25519 key');
  assert(keyId.length > 0 && keyId.length <= keyIdBytesMax, 'a key id has 1 to 32 bytes');
  return { keyId, signature: sign(null, signedBytes(domain, payload), privateKey) };
}

export function sealEnvelope(
  domain: Uint8Array,
  payload: Uint8Array,
  key: SigningKey,
  form = plainForm,
): Uint8Array<ArrayBuffer> {
  return envelopeBytes({ payload, ...signBytes(domain, payload, key), ...form });
}

/** The SignedBatch or SignedReceipt of a signature that was made before, as bytes. */
export function envelopeBytes(envelope: Envelope): Uint8Array<ArrayBuffer> {
  const { payload, keyId, signature } = envelope;
  const encoding = encodings.indexOf(envelope.encoding);
  const compression = compressions.indexOf(envelope.compression);
  const writer = writerOf(
    bytesSize(payload.length) +
      bytesSize(keyId.length) +
      numberSize(algorithmEd25519) +
      bytesSize(signature.length) +
      numberSize(encoding) +
      numberSize(compression),
  );
  putBytes(writer, 1, payload);
  putBytes(writer, 2, keyId);
  putNumber(writer, 3, algorithmEd25519);
  putBytes(writer, 4, signature);
  putNumber(writer, 5, encoding);
  putNumber(writer, 6, compression);
  return written(writer);
}

/** The envelope's parts, or what is wrong with the bytes. */
export function readEnvelope(bytes: Uint8Array): Envelope | string {
  const cursor = cursorOver(bytes);
  const payload = takeBytes(cursor, 1);
  const keyId = takeBytes(cursor, 2);
  const algorithm = takeNumber(cursor, 3);
  const signature = takeBytes(cursor, 4);
  const encoding = encodings.at(takeNumber(cursor, 5));
  const compression = compressions.at(takeNumber(cursor, 6));
  takeEnd(cursor);
  if (cursor.problem !== null) return cursor.problem;
  if (payload.length === 0) return 'there is no payload';
  if (keyId.length === 0 || keyId.length > keyIdBytesMax) {
    return `a key id has 1 to ${keyIdBytesMax} bytes, this one ${keyId.length}`;
  }
  if (algorithm !== algorithmEd25519) {
    return `signature algorithm ${algorithm} is not known; 1 is Ed25519`;
  }
  if (signature.length !== signatureBytes) {
    return `an Ed25519 signature has ${signatureBytes} bytes, this one ${signature.length}`;
  }
  if (encoding === undefined) return 'its encoding is neither 0 protobuf nor 1 JSON';
  if (compression === undefined) return 'its compression is none of 0 none, 1 gzip, 2 zstd';
  return { payload, keyId, signature, encoding, compression };
}

export function isSignedBy(domain: Uint8Array, envelope: Envelope, publicKey: KeyObject): boolean {
  assert(
    publicKey.type === 'public' && publicKey.asymmetricKeyType === 'ed25519',
    'a registered key is a public Ed25519 key',
  );
  return verify(null, signedBytes(domain, envelope.payload), publicKey, envelope.signature);
}
