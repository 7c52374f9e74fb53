import { eventShards } from '../db/events.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

/** A place in the event log: everything up to and with `sequence` of the shard has been told. */
export type StreamPosition = { readonly shard: number; readonly sequence: bigint };

/** int8 has 19 digits. */
const positionPattern = /^([0-9])\.(0|[1-9][0-9]{0,18})$/;
const cursorLengthMax = 32;

/** Opaque to clients: they keep it and give it back. */
export function encodeCursor({ shard, sequence }: StreamPosition): string {
  return Buffer.from(`${shard}.${sequence}`, 'latin1').toString('base64url');
}

export function parseCursor(text: string): Outcome<StreamPosition, 'CURSOR_MALFORMED'> {
  const decoded =
    text.length <= cursorLengthMax ? Buffer.from(text, 'base64url').toString('latin1') : '';
  const match = positionPattern.exec(decoded);
  const position = { shard: Number(match?.[1]), sequence: BigInt(match?.[2] ?? 0) };
  // Spelled in one way only: base64url has several texts for the same bytes.
  if (match === null || position.shard >= eventShards || encodeCursor(position) !== text) {
    return refuse(
      'CURSOR_MALFORMED',
      'This is not a cursor of a stream. Send one that an event carried, or none to begin anew.',
    );
  }
  return accept(position);
}
