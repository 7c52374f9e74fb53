/**
 * Classes of SQLSTATE that speak of the data, not of the server or the moment: data exception,
 * integrity constraint, syntax or access rule, raised by a function.
 * Source: PostgreSQL, "PostgreSQL Error Codes".
 */
const dataClasses = ['22', '23', '42', 'P0'];

/** Whether the same commit would fail again however often it is tried. */
export function isOfData(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  const { code } = error;
  return typeof code === 'string' && code.length === 5 && dataClasses.includes(code.slice(0, 2));
}
