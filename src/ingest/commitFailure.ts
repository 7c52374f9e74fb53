/**
 * Classes of SQLSTATE that speak of the server or the moment, not of what was to be stored:
 * connection exception, transaction state (a standby is read only), authorization, catalog name,
 * transaction rollback, resources, object state, operator intervention, system error.
 * Source: PostgreSQL, "PostgreSQL Error Codes".
 */
const momentClasses = ['08', '25', '28', '3D', '40', '53', '55', '57', '58'];

/** What postgres.js says of its own connections; the kernel's errors are E and a word. */
const connectionCode = /^(CONNECT(ION)?_[A-Z]+|E(?!RR_)[A-Z]+)$/;

/**
 * Whether the same commit may do later: the database is away or busy. All else is a fault of what
 * was to be stored or of our own code, and would fail again however often it is tried.
 */
export function isOfMoment(error: unknown): boolean {
  if (!(error instanceof Error) || !('code' in error)) return false;
  const { code } = error;
  if (typeof code !== 'string') return false;
  const isState = code.length === 5 && momentClasses.includes(code.slice(0, 2));
  return isState || connectionCode.test(code);
}
