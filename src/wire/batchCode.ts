import type { OpenCode } from './batch.ts';
import type { DecodeCode } from './decodeBatch.ts';

/** Why a batch is not accepted. Stable; never reworded. */
export type BatchCode =
  | OpenCode
  | DecodeCode
  | 'BATCH_KEY_UNKNOWN'
  | 'BATCH_KEY_REVOKED'
  | 'BATCH_SIGNATURE_WRONG'
  | 'BATCH_EDGE_FOREIGN'
  | 'BATCH_SEQUENCE_REUSED'
  | 'BATCH_CHAIN_BROKEN'
  | 'BATCH_REVISION_FOREIGN'
  | 'BATCH_NOT_JUDGED'
  | 'BATCH_NOT_STORABLE';

/**
 * Codes that say "the bytes are not what somebody sent" are the head-end's EMS.E12, payload
 * corruption; a frame's CRC and a register's checksum are other codes.
 */
export function emsCodeOf(code: BatchCode): 'EMS.E12' | null {
  switch (code) {
    case 'BATCH_MALFORMED':
    case 'BATCH_VERSION_UNKNOWN':
    case 'BATCH_INFLATES_TOO_FAR':
    case 'BATCH_COMPRESSION_BROKEN':
    case 'BATCH_SIGNATURE_WRONG':
      return 'EMS.E12';
    case 'BATCH_TOO_LARGE':
    case 'BATCH_READING_OUT_OF_RANGE':
    case 'BATCH_KEY_UNKNOWN':
    case 'BATCH_KEY_REVOKED':
    case 'BATCH_EDGE_FOREIGN':
    case 'BATCH_SEQUENCE_REUSED':
    case 'BATCH_CHAIN_BROKEN':
    case 'BATCH_REVISION_FOREIGN':
    case 'BATCH_NOT_JUDGED':
    case 'BATCH_NOT_STORABLE':
      return null;
  }
}
