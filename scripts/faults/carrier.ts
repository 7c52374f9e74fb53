import type { KeyObject } from 'node:crypto';
import { decodeReceipt, openReceipt, verifyReceipt } from '../../src/wire/receipt.ts';
import type { SequenceRun } from '../../src/wire/receipt.ts';
import type { SeededRandom } from '../../test/simulate/seededRandom.ts';
import type { JournalBatch } from './journal.ts';

export type SendAnswer =
  | {
      readonly kind: 'receipt';
      readonly state: 'committed' | 'duplicate';
      readonly hash: string;
      /** Sequences that the server has not seen and asks for. */
      readonly missing: readonly number[];
      /** Which of the intakes it was. */
      readonly via: number;
    }
  | { readonly kind: 'refused'; readonly code: string; readonly hash?: string }
  | { readonly kind: 'pushedBack'; readonly retryMs: number }
  | { readonly kind: 'unanswered' };

/** How a gateway's batches travel. */
export type Carrier = {
  send(batch: JournalBatch, random: SeededRandom): Promise<SendAnswer>;
  close(): Promise<void>;
};

export const unanswered: SendAnswer = { kind: 'unanswered' };
/** A gateway on a bad line waits this long before it sends again. */
export const answerMsMax = 6_000;
const missingNamedMax = 64;

/** Only what the server has signed counts. */
export function readReceipt(
  bytes: Uint8Array,
  { serverKey, via }: { serverKey: KeyObject | null; via: number },
): SendAnswer {
  const envelope = openReceipt(bytes);
  if (!envelope.ok) return unanswered;
  if (serverKey !== null && !verifyReceipt(envelope.value, serverKey)) return unanswered;
  const receipt = decodeReceipt(envelope.value.payload);
  if (!receipt.ok) return unanswered;
  const { state, code, hash, missing } = receipt.value;
  const hashHex = Buffer.from(hash).toString('hex');
  if (state === 'refused') return { kind: 'refused', code: code ?? 'UNKNOWN', hash: hashHex };
  return {
    kind: 'receipt',
    state,
    hash: hashHex,
    missing: missing.flatMap(sequencesOf).slice(0, missingNamedMax),
    via,
  };
}

function sequencesOf({ from, to }: SequenceRun): readonly number[] {
  const count = Math.min(missingNamedMax, Number(to - from) + 1);
  return Array.from({ length: count }, (_, index) => Number(from) + index);
}

export function codeIn(problem: unknown): string {
  if (typeof problem !== 'object' || problem === null) return 'UNKNOWN';
  return String(Reflect.get(problem, 'code') ?? 'UNKNOWN');
}

/** `POST /v1/batches`, to any of the intakes. */
export function httpCarrier(urls: readonly string[], serverKey: KeyObject | null): Carrier {
  return {
    async send({ carried }, random) {
      const via = random.below(urls.length);
      try {
        const response = await fetch(urls[via], {
          method: 'POST',
          headers: { 'content-type': 'application/x-protobuf' },
          body: Buffer.from(carried),
          signal: AbortSignal.timeout(answerMsMax),
        });
        const bytes = new Uint8Array(await response.arrayBuffer());
        const retryS = Number(response.headers.get('retry-after') ?? Number.NaN);
        if (response.ok) return readReceipt(bytes, { serverKey, via });
        if (response.status === 408) return unanswered;
        if (response.status === 429 || response.status >= 500) {
          return { kind: 'pushedBack', retryMs: Number.isFinite(retryS) ? retryS * 1_000 : 500 };
        }
        const problem: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
        return { kind: 'refused', code: codeIn(problem) };
      } catch {
        return unanswered; // refused, reset, or too late
      }
    },
    async close() {},
  };
}
