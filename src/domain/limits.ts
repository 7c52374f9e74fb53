/**
 * Every bound of the system in one place, unit in the name, why beside it. A limit that is reached
 * is an error with a code, never a silent cut.
 */

/** One batch: a gateway's 5 s window or one catch-up chunk; larger ones are split by the edge. */
export const readingsPerBatchMax = 16_384;
/** 16,384 readings of 20 bytes in fixed-width columns, the envelope, and room to grow. */
export const batchBytesMax = 1_048_576;
