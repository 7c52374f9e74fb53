/**
 * An expected result: a value, or a refusal with a stable code that clients may match on.
 * Bugs throw; whatever the outside world can cause is an Outcome.
 */
export type Accepted<T> = { readonly ok: true; readonly value: T };
export type Refused<Code extends string> = {
  readonly ok: false;
  /** Stable; never reworded. */
  readonly code: Code;
  /** What happened and what to do about it. Free of secrets and personal data. */
  readonly message: string;
  /** Where in the input, when a part of it is at fault: `['components', '0', 'prices']`. */
  readonly path?: readonly string[];
  /** It has its row in the audit, written where more is known of it than its code. */
  readonly isAudited?: boolean;
};
export type Outcome<T, Code extends string> = Accepted<T> | Refused<Code>;

export function accept<T>(value: T): Accepted<T> {
  return { ok: true, value };
}

export function refuse<const Code extends string>(
  code: Code,
  message: string,
  path?: readonly string[],
): Refused<Code> {
  return path === undefined ? { ok: false, code, message } : { ok: false, code, message, path };
}
