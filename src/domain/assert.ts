/** A broken promise of our own code. Never used for input: that is refused with a code. */
export class AssertionBroken extends Error {
  override readonly name = 'AssertionBroken';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionBroken(message);
}

/** Proves at compile time that a switch over a closed union has handled every member. */
export function assertNever(member: never): never {
  throw new AssertionBroken(`unhandled member ${JSON.stringify(member)}`);
}
