/**
 * Classes of SQLSTATE that Postgres raises about a value or a row: data exception and integrity
 * constraint violation. Source: PostgreSQL, "PostgreSQL Error Codes".
 */
const contentClasses = ['22', '23'];

/**
 * The SQLSTATE, where it is about what was to be stored and not about the server or the moment: the
 * same content would fail again however often it is tried. Null: it is something else.
 */
export function contentFaultOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  const { code } = error;
  const isState = typeof code === 'string' && code.length === 5;
  return isState && contentClasses.includes(code.slice(0, 2)) ? code : null;
}

/** In our own words: Postgres' message may quote the values, and what is kept aside is shown. */
export function contentFaultText(fault: string): string {
  const what = fault.startsWith('22') ? 'a value does not fit' : 'a row breaks a rule of its table';
  return `${what} (SQLSTATE ${fault})`;
}
