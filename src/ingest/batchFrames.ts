import { batchBytesMax } from '../domain/limits.ts';

/**
 * Batches and receipts one after the other in a stream of bytes: each behind its length as a
 * protobuf varint (protobuf.dev, "Streaming Multiple Messages"), lowest seven bits first.
 */
export type FrameReader = {
  /** The frames that end in this chunk; none after a problem. */
  push(chunk: Uint8Array): readonly Uint8Array[];
  /** What is wrong with the stream; nothing behind it can be told apart. */
  problem(): string | null;
  /** Of the frame that has begun; 0 between two frames. */
  heldBytes(): number;
};

/** 2^21 and more would be beyond any batch. */
const lengthBytesMax = 4;

export function createFrameReader(frameBytesMax = batchBytesMax): FrameReader {
  let wrong: string | null = null;
  let length = 0;
  let lengthBytes = 0;
  /** Null while the length is read. */
  let frame: { readonly bytes: Uint8Array; at: number } | null = null;

  /** One byte of a length; the frame begins behind the last one. */
  function readLength(byte: number): void {
    length += (byte & 0x7f) * 2 ** (7 * lengthBytes);
    lengthBytes += 1;
    if (byte >= 0x80 && lengthBytes < lengthBytesMax) return;
    if (byte >= 0x80 || length > frameBytesMax) {
      wrong = `a frame has at most ${frameBytesMax} bytes`;
    } else if (length === 0) {
      wrong = 'a frame is empty';
    } else {
      frame = { bytes: new Uint8Array(length), at: 0 };
    }
    length = 0;
    lengthBytes = 0;
  }

  return {
    push(chunk) {
      const whole: Uint8Array[] = [];
      let at = 0;
      while (at < chunk.length && wrong === null) {
        if (frame === null) {
          readLength(chunk[at]);
          at += 1;
          continue;
        }
        const step = Math.min(frame.bytes.length - frame.at, chunk.length - at);
        frame.bytes.set(chunk.subarray(at, at + step), frame.at);
        frame.at += step;
        at += step;
        if (frame.at === frame.bytes.length) {
          whole.push(frame.bytes);
          frame = null;
        }
      }
      return whole;
    },
    problem: () => wrong,
    heldBytes: () => (frame === null ? lengthBytes : frame.bytes.length),
  };
}

/** The frame of a message. */
export function frameOf(bytes: Uint8Array): Uint8Array {
  const head: number[] = [];
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      head.push(rest);
      break;
    }
    head.push((rest % 128) | 0x80);
  }
  const framed = new Uint8Array(head.length + bytes.length);
  framed.set(head);
  framed.set(bytes, head.length);
  return framed;
}
