import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { batchBytesMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome, Refused } from '../domain/outcome.ts';
import type { Compression } from './envelope.ts';

export type InflateCode = 'BATCH_INFLATES_TOO_FAR' | 'BATCH_COMPRESSION_BROKEN';

/**
 * RFC 8878, 3.1.1.1.2: a decoder should have 8 MiB of window, and may refuse more. A frame's head
 * alone would otherwise make us take 128 MiB.
 */
const zstdWindowLogMax = 23;
/** zlib's own default is 16 kB at a time; a larger piece is taken for small batches, too. */
const chunkBytes = 16_384;

export function deflate(bytes: Uint8Array, compression: Compression): Uint8Array {
  switch (compression) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes);
    case 'zstd':
      return zstdCompressSync(bytes);
  }
}

function broken(problem: string): Refused<'BATCH_COMPRESSION_BROKEN'> {
  return refuse('BATCH_COMPRESSION_BROKEN', `The payload cannot be unpacked: ${problem}.`);
}

/** With `info`, zlib answers with the engine as well, which knows how many bytes it has eaten. */
function unpacked(result: unknown): { bytes: Uint8Array; eaten: number } | null {
  if (typeof result !== 'object' || result === null) return null;
  if (!('buffer' in result) || !('engine' in result)) return null;
  const { buffer, engine } = result;
  if (!(buffer instanceof Uint8Array) || typeof engine !== 'object' || engine === null) return null;
  if (!('bytesWritten' in engine) || typeof engine.bytesWritten !== 'number') return null;
  return { bytes: buffer, eaten: engine.bytesWritten };
}

function unpack(packed: Uint8Array, compression: 'gzip' | 'zstd'): unknown {
  const options = { info: true, maxOutputLength: batchBytesMax, chunkSize: chunkBytes };
  if (compression === 'gzip') return gunzipSync(packed, options);
  const params = { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax };
  return zstdDecompressSync(packed, { ...options, params });
}

/**
 * The payload as it was before compression. Stops at `batchBytesMax`, so that a bomb costs what a
 * full batch costs; bytes behind the end are refused, or one batch would have many spellings.
 */
export function inflate(
  carried: Uint8Array,
  compression: Compression,
): Outcome<Uint8Array, InflateCode> {
  if (compression === 'none') return accept(carried);
  try {
    const whole = unpacked(unpack(carried, compression));
    if (whole === null) return broken('zlib gave no bytes');
    if (whole.eaten === carried.length) return accept(whole.bytes);
    return broken(`${carried.length - whole.eaten} bytes follow its end`);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      const message = `The payload unpacks to more than ${batchBytesMax} bytes: send less.`;
      return refuse('BATCH_INFLATES_TOO_FAR', message);
    }
    if (code === 'Z_BUF_ERROR') return broken('it breaks off. Send all of it');
    if (typeof code === 'string' && /^(Z_|ZSTD_)/.test(code)) return broken(code);
    throw cause;
  }
}
