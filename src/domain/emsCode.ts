/** What came was not what was sent, or never was a batch: requirement 000.39 names it EMS.E12. */
const corruption: ReadonlySet<string> = new Set([
  'BATCH_MALFORMED',
  'BATCH_VERSION_UNKNOWN',
  'BATCH_READING_OUT_OF_RANGE',
  'BATCH_INFLATES_TOO_FAR',
  'BATCH_COMPRESSION_BROKEN',
  'BATCH_SIGNATURE_WRONG',
]);

/** The code of the operators' manuals beside ours, where there is one. */
export function emsCodeOf(code: string): 'EMS.E12' | null {
  return corruption.has(code) ? 'EMS.E12' : null;
}
