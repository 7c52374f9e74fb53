import { decodeReceipt, openReceipt } from '../wire/receipt.ts';
import type { Receipt } from '../wire/receipt.ts';

export type Sent =
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | { readonly kind: 'later'; readonly afterMs: number; readonly why: string };

const retryMsDefault = 1_000;
/** Of a server that says 0. */
const retryMsMin = 100;

function later(why: string, afterMs = retryMsDefault): Sent {
  return { kind: 'later', afterMs, why };
}

function receiptOf(bytes: Uint8Array): Receipt | null {
  const opened = openReceipt(bytes);
  const receipt = opened.ok ? decodeReceipt(opened.value.payload) : opened;
  return receipt.ok ? receipt.value : null;
}

function problemIn(bytes: Uint8Array): { readonly code: string; readonly detail: string } {
  try {
    const problem: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const { code, detail } = Object(problem);
    return { code: String(code), detail: String(detail) };
  } catch {
    return { code: 'unknown', detail: '' };
  }
}

/** One attempt. Only an intake refuses a batch; all else is a reason to come back. */
export async function postBatch(
  url: string,
  carried: Uint8Array,
  answerMsMax: number,
): Promise<Sent> {
  try {
    const response = await fetch(new URL('/v1/batches', url), {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Buffer.from(carried),
      signal: AbortSignal.timeout(Math.ceil(answerMsMax)),
    });
    const bytes = await response.bytes();
    if (response.status === 200) {
      const receipt = receiptOf(bytes);
      return receipt === null ? later('the answer is no receipt') : { kind: 'receipt', receipt };
    }
    if (response.status === 429 || response.status >= 500) {
      const afterS = Number(response.headers.get('retry-after') ?? '1');
      const afterMs = Number.isFinite(afterS) ? afterS * 1_000 : retryMsDefault;
      return later(`HTTP ${response.status}`, Math.max(afterMs, retryMsMin));
    }
    const { code, detail } = problemIn(bytes);
    if (code.startsWith('BATCH_')) return { kind: 'refused', code, detail };
    return later(`HTTP ${response.status}, as no intake answers: check --url`);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return later(cause instanceof Error ? cause.message : String(error));
  }
}
