import { AssertionBroken } from '../domain/assert.ts';

/**
 * What a failure speaks of: what was to be stored, the moment, or our own code.
 * Source of the classes of SQLSTATE: PostgreSQL, "PostgreSQL Error Codes".
 */

/** Of a value or a row: data exception and integrity constraint violation. */
const contentClasses = ['22', '23'];

/**
 * Of the server or the moment: connection exception, transaction state (a standby is read only),
 * authorization, catalog name, transaction rollback, resources, object state, operator
 * intervention, system error.
 */
const momentClasses = ['08', '25', '28', '3D', '40', '53', '55', '57', '58'];

/**
 * Of tables of another version, before `ems-cli migrate` or beside it: whatever is to be stored
 * meets them. insufficient_privilege, undefined_column, _object, _function, _table.
 */
const versionStates = ['42501', '42703', '42704', '42883', '42P01'];

/** What postgres.js says of its own connections; the kernel's errors are E and a word. */
const connectionCode = /^(CONNECT(ION)?_[A-Z]+|E(?!RR_)[A-Z]+)$/;

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

function isState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !connectionCode.test(code);
}

/**
 * The SQLSTATE, where it is about what was to be stored and not about the server or the moment: the
 * same content would fail again however often it is tried. Null: it is something else.
 */
export function contentFaultOf(error: unknown): string | null {
  const code = codeOf(error);
  return isState(code) && contentClasses.includes(code.slice(0, 2)) ? code : null;
}

/** In our own words: Postgres' message may quote the values, and what is kept aside is shown. */
export function contentFaultText(fault: string): string {
  const what = fault.startsWith('22') ? 'a value does not fit' : 'a row breaks a rule of its table';
  return `${what} (SQLSTATE ${fault})`;
}

/**
 * Whether the same may do later: the database is away, busy or of another version. All else is a
 * fault of the content or of our own code, and would fail again however often it is tried.
 */
export function isOfMoment(error: unknown): boolean {
  const code = codeOf(error);
  if (connectionCode.test(code)) return true;
  return (
    isState(code) && (momentClasses.includes(code.slice(0, 2)) || versionStates.includes(code))
  );
}

/** What is kept aside with whatever failed for good, in our own words: other messages may quote. */
export function faultText(error: unknown): string {
  if (error instanceof AssertionBroken) return error.message;
  const fault = contentFaultOf(error);
  if (fault !== null) return contentFaultText(fault);
  const code = codeOf(error);
  if (isState(code)) return `the database answers SQLSTATE ${code}`;
  return `our own code broke on it (${error instanceof Error ? error.name : typeof error})`;
}
