import type { IncomingMessage } from 'node:http';
import { intakeBodyMsMax, intakeDiscardBytesMax, intakeDiscardMsMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

export type BodyCode = 'BODY_TOO_SLOW' | 'BODY_CUT_OFF' | 'INTAKE_FULL';

/** Memory for what is arriving, of all connections together. */
export type ArrivalRoom = { take(bytes: number): boolean; give(bytes: number): void };

export function createArrivalRoom(bytesMax: number): ArrivalRoom {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > bytesMax) return false;
      held += bytes;
      return true;
    },
    give(bytes) {
      held -= bytes;
    },
  };
}

const tooSlow = refuse(
  'BODY_TOO_SLOW',
  `A batch arrives within ${intakeBodyMsMax / 1_000} s. Send smaller batches.`,
);

/**
 * The body, or as much of it as is allowed and one byte more: whoever looks at it sees then that it
 * is too long. Never waits longer than a batch may take.
 */
export function readBody(
  request: IncomingMessage,
  { bytesMax, room, msMax }: { bytesMax: number; room: ArrivalRoom; msMax: number },
): Promise<Outcome<Uint8Array, BodyCode>> {
  const { promise, resolve } = Promise.withResolvers<Outcome<Uint8Array, BodyCode>>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const finish = (outcome: Outcome<Uint8Array, BodyCode>): void => {
    clearTimeout(timer);
    request.off('data', onData).off('end', onEnd).off('close', onClose);
    request.pause();
    room.give(bytes);
    resolve(outcome);
  };
  const onEnd = (): void => finish(accept(Buffer.concat(chunks).subarray(0, bytesMax + 1)));
  const onClose = (): void =>
    finish(refuse('BODY_CUT_OFF', 'The body ended early; send it again.'));
  const onData = (chunk: Buffer): void => {
    if (!room.take(chunk.length)) {
      finish(refuse('INTAKE_FULL', 'Too many batches arrive at once; come back in a moment.'));
      return;
    }
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > bytesMax) onEnd();
  };
  const timer = setTimeout(() => finish(tooSlow), msMax);
  request.on('data', onData).on('end', onEnd).on('close', onClose);
  return promise;
}

/** Reads on without keeping anything, for a while: a sender that still writes hears no answer. */
export function discardRest(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let left = intakeDiscardBytesMax;
  const timer = setTimeout(() => request.destroy(), intakeDiscardMsMax);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
