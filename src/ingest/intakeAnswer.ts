import { createHash } from 'node:crypto';
import type { CommitAnswer } from '../operations/commitBatches.ts';
import { emsCodeOf } from '../wire/batchCode.ts';
import type { BatchCode } from '../wire/batchCode.ts';
import type { SigningKey } from '../wire/envelope.ts';
import { encodeReceipt, sealReceiptJson, signReceipt } from '../wire/receipt.ts';
import type { Receipt } from '../wire/receipt.ts';

/** The signed word on a batch, or null where nobody knows whose it is: then there is a problem. */
export function receiptOf(answer: CommitAnswer): Receipt | null {
  if (answer.ok) return { ...answer.value, code: null };
  if (answer.place === undefined) return null;
  return { ...answer.place, state: 'refused', position: 0n, code: answer.code };
}

export function signedReceipt(receipt: Receipt, key: SigningKey): Uint8Array {
  return signReceipt(encodeReceipt(receipt), key);
}

/** `{"keyId": hex, "signature": base64, "receipt": text}`, the twin of a JSON batch's envelope. */
export function receiptEnvelope(receipt: Receipt, key: SigningKey): string {
  const { keyId, signature, text } = sealReceiptJson(receipt, key);
  return JSON.stringify({ keyId, signature, receipt: text });
}

export type Problem = {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly emsCode: 'EMS.E12' | null;
};

/** RFC 9110; the sender's own mistakes are told from those that time or an operator mends. */
function statusOf(code: BatchCode): number {
  switch (code) {
    case 'BATCH_TOO_LARGE':
    case 'BATCH_INFLATES_TOO_FAR':
      return 413;
    case 'BATCH_KEY_UNKNOWN':
    case 'BATCH_KEY_REVOKED':
    case 'BATCH_SIGNATURE_WRONG':
      return 401;
    case 'BATCH_EDGE_FOREIGN':
    case 'BATCH_REVISION_FOREIGN':
      return 403;
    case 'BATCH_SEQUENCE_REUSED':
    case 'BATCH_CHAIN_BROKEN':
      return 409;
    case 'BATCH_MALFORMED':
    case 'BATCH_VERSION_UNKNOWN':
    case 'BATCH_READING_OUT_OF_RANGE':
    case 'BATCH_COMPRESSION_BROKEN':
    case 'BATCH_NOT_JUDGED':
    case 'BATCH_NOT_STORABLE':
      return 422;
  }
}

export function problemOf({ code, message }: { code: BatchCode; message: string }): Problem {
  return { status: statusOf(code), code, detail: message, emsCode: emsCodeOf(code) };
}

/** RFC 9457, without a type of our own: `code` is what programs match on. */
export function problemText(
  { status, code, detail, emsCode }: Problem,
  more: Readonly<Record<string, unknown>> = {},
): string {
  const ems = emsCode === null ? {} : { emsCode };
  return JSON.stringify({
    type: 'about:blank',
    title: code,
    status,
    detail,
    code,
    ...ems,
    ...more,
  });
}

/**
 * What a stream or a topic answers: a SignedReceipt, or a problem in JSON where the batch names no
 * place of a known edge. The first byte tells them apart: a receipt begins with 0x0a, JSON with {.
 */
export function answerBytes(
  carried: Uint8Array,
  answer: CommitAnswer,
  key: SigningKey,
): Uint8Array {
  const receipt = receiptOf(answer);
  if (receipt !== null) return signedReceipt(receipt, key);
  if (answer.ok) throw new Error('an accepted batch has a receipt');
  const carriedSha256 = createHash('sha256').update(carried).digest('hex');
  return Buffer.from(problemText(problemOf(answer), { carriedSha256 }), 'utf8');
}
