import { assert } from '../domain/assert.ts';
import type { FleetCode } from '../domain/fleet.ts';
import { refuse } from '../domain/outcome.ts';
import type { Refused } from '../domain/outcome.ts';

/** Carries a refusal out of the transaction, which it rolls back. */
export class FleetRefused extends Error {
  readonly refusal: Refused<FleetCode>;

  constructor(refusal: Refused<FleetCode>) {
    super(refusal.code);
    this.refusal = refusal;
  }
}

export function conflict(what: string): FleetRefused {
  return new FleetRefused(
    refuse(
      'FLEET_CONFLICT',
      `${what} is registered with other particulars. Registered facts are not rewritten: ` +
        'declare it as it is, or under another name.',
    ),
  );
}

/** A key that may be in other hands does not come back by a declaration that still names it. */
export function keyRevoked(publicKey: Uint8Array): FleetRefused {
  const written = Buffer.from(publicKey).toString('base64');
  return new FleetRefused(
    refuse(
      'FLEET_KEY_REVOKED',
      `The public key ${written} was revoked, and stays so. Take it out of the declaration; ` +
        'give the edge a new one (ems-cli key make). Nothing was changed.',
    ),
  );
}

/** The id behind a name of the declaration. */
export function idOf(ids: ReadonlyMap<string, number>, name: string): number {
  const id = ids.get(name);
  assert(id !== undefined, 'a checked declaration refers only to what it declares');
  return id;
}
