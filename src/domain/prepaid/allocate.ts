/** What a payment may be for. */
export type Claim<Name extends string> = {
  readonly to: Name;
  /** The most that it takes; null: whatever is left. */
  readonly dueMicros: bigint | null;
  /** Of the whole payment, in millionths; null: no more than is due. */
  readonly sharePpm: number | null;
};

const million = 1_000_000n;

/** Rounded down: what a share does not reach stays with the customer. */
export function shareOf(amountMicros: bigint, sharePpm: number): bigint {
  return (amountMicros * BigInt(sharePpm)) / million;
}

function least(...values: readonly bigint[]): bigint {
  return values.reduce((low, value) => (value < low ? value : low));
}

/** Divides a payment among claims in their order; what nobody claims is the last column. */
export function allocate<Name extends string>(
  amountMicros: bigint,
  claims: readonly Claim<Name>[],
): { readonly given: ReadonlyMap<Name, bigint>; readonly restMicros: bigint } {
  const given = new Map<Name, bigint>();
  let restMicros = amountMicros;
  for (const { to, dueMicros, sharePpm } of claims) {
    const due = dueMicros ?? restMicros;
    const share = sharePpm === null ? restMicros : shareOf(amountMicros, sharePpm);
    const taken = least(restMicros, due, share);
    if (taken <= 0n) continue;
    given.set(to, (given.get(to) ?? 0n) + taken);
    restMicros -= taken;
  }
  return { given, restMicros };
}

export type DebtFacts = {
  /** What the account gained. */
  readonly amountMicros: bigint;
  /** With the amount in it. */
  readonly balanceMicros: bigint;
  /** Set aside and not paid yet; zero or above. */
  readonly debtMicros: bigint;
  /** The share of a top-up that the customer's plan takes; null: there is no plan. */
  readonly planSharePpm: number | null;
  /** What the plan may still take in this local week; null: it has no cap. */
  readonly capLeftMicros: bigint | null;
  /** Emergency credit is open, and the policy lets the debt rest while it is. */
  readonly isSuspended: boolean;
  readonly allocation: readonly {
    readonly to: 'debt' | 'energy';
    readonly sharePpm: number | null;
  }[];
};

/**
 * What of a credit pays off the debt (domain rules 62 and 63). The plan says what is due of it, the
 * policy in which order and how much at most; without either a debt takes nothing by itself. What
 * the balance owes comes first: no debt is paid from below zero.
 */
export function debtShareOf(facts: DebtFacts): bigint {
  const { amountMicros, balanceMicros, debtMicros, capLeftMicros } = facts;
  if (facts.isSuspended || debtMicros <= 0n || balanceMicros <= 0n) return 0n;
  const bounds = [debtMicros, balanceMicros, ...(capLeftMicros === null ? [] : [capLeftMicros])];
  const { planSharePpm } = facts;
  const claims = facts.allocation.map(({ to, sharePpm }): Claim<'debt' | 'energy'> => {
    if (to === 'energy') return { to, dueMicros: null, sharePpm };
    const ofPlan = planSharePpm ?? sharePpm ?? 0;
    const dueMicros = least(...bounds, shareOf(amountMicros, ofPlan));
    return { to, dueMicros, sharePpm };
  });
  return allocate(amountMicros, claims).given.get('debt') ?? 0n;
}
