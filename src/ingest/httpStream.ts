import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { intakeBodyMsMax, intakeStallMsMax, streamBatchesMax } from '../domain/limits.ts';
import type { SigningKey } from '../wire/envelope.ts';
import { createFrameReader, frameOf } from './batchFrames.ts';
import type { ArrivalRoom } from './httpBody.ts';
import type { Intake } from './intake.ts';
import { answerBytes, problemText } from './intakeAnswer.ts';

export const batchStreamType = 'application/vnd.joulebook.batches';
export const receiptStreamType = 'application/vnd.joulebook.receipts';

export type StreamDeps = {
  readonly intake: Intake;
  readonly key: SigningKey;
  readonly room: ArrivalRoom;
  /** What a frame that has begun may take to arrive. */
  readonly bodyMs?: number;
};

/**
 * Batches in, receipts out, on one request: each receipt leaves when its batch is committed. When
 * the intake is full, or the client does not read its receipts, nothing more is read from it.
 */
export async function serveBatchStream(
  { intake, key, room, bodyMs = intakeBodyMsMax }: StreamDeps,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const reader = createFrameReader();
  const underWay = new Set<Promise<void>>();
  const source = request.socket.remoteAddress ?? 'unknown';
  let held = 0;
  let late: NodeJS.Timeout | undefined;
  let draining: Promise<void> | null = null;

  /** Until the client has read what was written, or is closed because it does not. */
  async function drained(): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    const stalled = setTimeout(() => response.destroy(), intakeStallMsMax);
    try {
      await Promise.race([
        once(response, 'drain', { signal }),
        once(response, 'close', { signal }),
      ]);
    } finally {
      clearTimeout(stalled);
      // Takes away the listener that was not needed.
      over.abort();
      draining = null;
    }
  }

  async function write(bytes: Uint8Array): Promise<void> {
    if (response.destroyed || response.write(frameOf(bytes))) return;
    draining ??= drained();
    await draining;
  }

  async function take(carried: Uint8Array): Promise<boolean> {
    let offered = intake.offer(carried, source);
    while (offered === 'full') {
      if (!intake.isOpen() || response.destroyed) return false;
      await intake.whenRoom();
      offered = intake.offer(carried, source);
    }
    const answered = offered.then(async (result) => {
      // Without an answer nothing is said: the sender keeps the batch and sends it again.
      if (result.kind === 'answered') await write(answerBytes(carried, result.answer, key));
    });
    const ended = answered.finally(() => underWay.delete(ended));
    underWay.add(ended);
    if (underWay.size >= streamBatchesMax) await Promise.race(underWay);
    return true;
  }

  /** The frame is here: what it waits for from now on is no slowness of the client. */
  function stopClock(): void {
    clearTimeout(late);
    late = undefined;
  }

  /** Memory of the frame that has begun, and the time it may take as a whole. */
  function hold(bytes: number): boolean {
    room.give(held);
    held = 0;
    if (bytes === 0) return true;
    late ??= setTimeout(() => request.destroy(), bodyMs);
    if (!room.take(bytes)) return false;
    held = bytes;
    return true;
  }

  response.writeHead(200, { 'content-type': receiptStreamType });
  response.flushHeaders();
  try {
    for await (const chunk of request) {
      const frames = reader.push(chunk);
      if (frames.length > 0) stopClock();
      for (const carried of frames) {
        if (!(await take(carried))) return void response.destroy();
      }
      const problem = reader.problem();
      if (problem !== null) {
        await Promise.all(underWay);
        const detail = `The stream cannot be read on: ${problem}. Open another one.`;
        const told = { status: 400, code: 'STREAM_MALFORMED', detail, emsCode: null };
        await write(Buffer.from(problemText(told), 'utf8'));
        break;
      }
      if (!hold(reader.heldBytes())) return void response.destroy();
    }
    await Promise.all(underWay);
    response.end();
  } finally {
    stopClock();
    hold(0);
  }
}
