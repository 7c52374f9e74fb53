import { batchBytesMax, intakeJsonBytesMax } from '../domain/limits.ts';
import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { CommitAnswer } from '../operations/commitBatches.ts';
import type { OpenCode } from '../wire/batch.ts';
import type { Compression, SigningKey } from '../wire/envelope.ts';
import { carriedOfJson, carriedOfParts } from '../wire/jsonEnvelope.ts';
import type { Intake } from './intake.ts';
import { answerBytes, receiptEnvelope, receiptOf } from './intakeAnswer.ts';

/** A published batch, and what MQTT 5 says beside it. */
export type MqttBatch = {
  readonly payload: Uint8Array;
  readonly source: string;
  /** Of a bare payload: hex and base64, as the headers of HTTP. */
  readonly keyId?: string | undefined;
  readonly signature?: string | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
};

/** `{`: a SignedBatch begins with the tag of its payload, 0x0a. */
const jsonStart = 0x7b;

function compressionOf(name: string | undefined): Compression {
  return name === 'gzip' || name === 'zstd' ? name : 'none';
}

function carriedOf(batch: MqttBatch): Outcome<Uint8Array, OpenCode> {
  const { payload, keyId, signature } = batch;
  if (signature !== undefined) {
    const isJson = batch.contentType === 'application/json';
    const compression = compressionOf(batch.contentEncoding);
    const form = { encoding: isJson ? 'json' : 'protobuf', compression } as const;
    return carriedOfParts(payload, { keyId, signature }, form);
  }
  const isJson = payload[0] === jsonStart && payload.length <= intakeJsonBytesMax;
  return isJson ? carriedOfJson(payload) : accept(payload);
}

export type MqttAnswer = { readonly payload: Uint8Array; readonly contentType: string };

/** What is wrong beside a payload or with its envelope; the payload alone looks wrong otherwise. */
function answerTo(carried: Outcome<Uint8Array, OpenCode>, answer: CommitAnswer): CommitAnswer {
  if (carried.ok || answer.ok || answer.place !== undefined) return answer;
  if (answer.code === 'BATCH_TOO_LARGE') return answer;
  return { ...answer, code: carried.code, message: carried.message };
}

/**
 * Waits for room and for the commit, however long: nothing more is read from who waits here. Null
 * when there is no answer and the batch must come again.
 */
export async function takeMqttBatch(
  {
    intake,
    key,
  }: {
    readonly intake: Pick<Intake, 'offer' | 'isOpen' | 'whenRoom'>;
    readonly key: SigningKey;
  },
  batch: MqttBatch,
): Promise<MqttAnswer | null> {
  const carried = carriedOf(batch);
  // What is no batch is offered as it came: it is kept aside, counted and audited like any other.
  // One byte too many says that it is too long; more of it would never find room.
  const whole = carried.ok ? carried.value : batch.payload;
  const bytes = whole.subarray(0, batchBytesMax + 1);
  let offered = intake.offer(bytes, batch.source);
  while (offered === 'full') {
    if (!intake.isOpen()) return null;
    await intake.whenRoom();
    offered = intake.offer(bytes, batch.source);
  }
  const result = await offered;
  if (result.kind === 'unanswered') return null;
  const answer = answerTo(carried, result.answer);
  const receipt = receiptOf(answer);
  const isJson = batch.payload[0] === jsonStart;
  if (receipt !== null && isJson) {
    const payload = Buffer.from(receiptEnvelope(receipt, key), 'utf8');
    return { payload, contentType: 'application/json' };
  }
  // The sender knows its batch by the hash of all of it, however much of it was offered.
  const payload = answerBytes(whole, answer, key);
  const contentType = receipt === null ? 'application/problem+json' : 'application/x-protobuf';
  return { payload, contentType };
}
