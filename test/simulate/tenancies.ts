import type { Fleet } from '../../src/domain/fleet.ts';
import type { RegisteredFleet } from '../../src/operations/registerFleet.ts';

type Declared = Fleet['agreements'][number];

/** Who has a place from when to when, and how they pay. */
export type Tenancy = Declared & { readonly agreementId: number };

/** What was changed of the agreements that a fleet declares, and stands beside its declaration. */
export class Tenancies {
  readonly #begun: Tenancy[] = [];
  /** By agreement. */
  readonly #endsMs = new Map<number, number>();

  /** It ends there, and the next one of its place begins. */
  succeed(
    ended: Tenancy,
    next: Pick<Tenancy, 'agreementId' | 'account' | 'mode' | 'validFromMs'>,
  ): void {
    this.#begun.push({ ...ended, ...next });
    this.#endsMs.set(ended.agreementId, next.validFromMs);
  }

  /** A change of it is recorded, now or to come. */
  isEnded({ agreementId }: Tenancy): boolean {
    return this.#endsMs.has(agreementId);
  }

  all(fleet: Fleet, registered: RegisteredFleet): readonly Tenancy[] {
    const declared = fleet.agreements.map((agreement, index) => {
      return { ...agreement, agreementId: registered.agreements[index] };
    });
    return [...declared, ...this.#begun].map((each) => {
      const validToMs = this.#endsMs.get(each.agreementId) ?? each.validToMs;
      return { ...each, validToMs };
    });
  }
}
