import { keyIdBytesMax, batchBytesMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import { bytesOfBase64 } from './base64.ts';
import type { OpenCode } from './batch.ts';
import { envelopeBytes, signatureBytes } from './envelope.ts';
import type { PayloadForm } from './envelope.ts';
import { failAt, jsonReader, takeFields } from './jsonFields.ts';
import { fieldsIn, parseJson } from './jsonText.ts';

/** A signature and its key as texts, of headers, user properties or a JSON envelope. */
export type SignatureText = {
  /** Hex. */
  readonly keyId: unknown;
  /** Base64 with padding. */
  readonly signature: unknown;
};

const keyIdPattern = /^([0-9a-f]{2})+$/;

function malformed(problem: string): Refused<'BATCH_MALFORMED'> {
  return refuse('BATCH_MALFORMED', `This is not a signed batch: ${problem}.`);
}

/**
 * The SignedBatch of a payload whose signature came beside it: what the log keeps of it. The
 * payload stays, byte for byte, as it was signed.
 */
export function carriedOfParts(
  payload: Uint8Array,
  { keyId, signature }: SignatureText,
  form: PayloadForm,
): Outcome<Uint8Array, OpenCode> {
  if (payload.length === 0) return malformed('there is no payload');
  const isKeyId = typeof keyId === 'string' && keyId.length <= 2 * keyIdBytesMax;
  if (!isKeyId || !keyIdPattern.test(keyId)) {
    return malformed(`its key id is not 1 to ${keyIdBytesMax} bytes in lower-case hex`);
  }
  const signed = bytesOfBase64(signature);
  if (signed?.length !== signatureBytes) {
    return malformed(`its signature is not ${signatureBytes} bytes in base64`);
  }
  const carried = envelopeBytes({
    payload,
    keyId: Buffer.from(keyId, 'hex'),
    signature: signed,
    ...form,
  });
  if (carried.length <= batchBytesMax) return accept(carried);
  const message = `A signed batch has at most ${batchBytesMax} bytes: send less.`;
  return refuse('BATCH_TOO_LARGE', message);
}

/**
 * The SignedBatch of `{"keyId": hex, "signature": base64, "batch": text}`. The text is the JSON
 * batch as it was signed, so nothing depends on how somebody's library spells JSON.
 */
export function carriedOfJson(body: Uint8Array): Outcome<Uint8Array, OpenCode> {
  // Escapes make a text at most six times as long: a byte as \\u0000.
  if (body.length > 6 * batchBytesMax) {
    const message = `A signed batch has at most ${batchBytesMax} bytes: send less.`;
    return refuse('BATCH_TOO_LARGE', message);
  }
  const parsed = parseJson(body);
  if (!parsed.ok) return malformed('its envelope is not JSON in UTF-8');
  const reader = jsonReader();
  const fields = takeFields(reader, parsed.value, 'the envelope', ['keyId', 'signature', 'batch']);
  if (fields.has('version')) {
    return malformed('a bare batch comes with its key id and signature beside it, as headers do');
  }
  const text = fields.get('batch');
  // Its own fields would be counted with those of the envelope.
  const isText = text === undefined || typeof text === 'string';
  if (!isText) return malformed('its batch is no text: send the JSON as it was signed, in quotes');
  if (fieldsIn(body) !== reader.fieldCount) failAt(reader, 'the envelope', 'has a field twice');
  if (reader.problem !== null) return malformed(reader.problem.message);
  if (text === undefined || !text.isWellFormed()) return malformed('its batch is no text');
  return carriedOfParts(
    Buffer.from(text, 'utf8'),
    { keyId: fields.get('keyId'), signature: fields.get('signature') },
    { encoding: 'json', compression: 'none' },
  );
}
