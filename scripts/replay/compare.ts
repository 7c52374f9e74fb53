import type { BilledAccount, BilledMonth, Replayed } from './road.ts';
import type { IndependentAccount, IndependentMonth } from './independent.ts';

export type AccountRow = {
  readonly meter: string;
  /** Wh by `component/period`, all months. */
  readonly energyWh: ReadonlyMap<string, bigint>;
  readonly oursMicros: bigint;
  readonly independentMicros: bigint;
};

export type MonthRow = {
  readonly month: string;
  readonly energyWh: ReadonlyMap<string, bigint>;
  readonly oursMicros: bigint;
  readonly independentMicros: bigint;
};

export type Comparison = {
  readonly accounts: readonly AccountRow[];
  readonly months: readonly MonthRow[];
  readonly totalOursMicros: bigint;
  readonly totalIndependentMicros: bigint;
  /** Each in words; none when both say the same to the micro and the Wh. */
  readonly differences: readonly string[];
};

/** Energy beyond these never reached a bill. A gap too long to bridge had none in the file. */
const harmlessExceptions = new Set(['GAP_NOT_BRIDGED']);

function compareMonth(
  where: string,
  ours: BilledMonth | undefined,
  theirs: IndependentMonth | undefined,
): string[] {
  const found: string[] = [];
  const oursMicros = ours?.amountMicros ?? 0n;
  const theirMicros = BigInt(theirs?.amountMicros ?? 0);
  if (oursMicros !== theirMicros) {
    found.push(`${where}: billed ${oursMicros} micros, independently ${theirMicros}`);
  }
  const keys = new Set([...(ours?.energyWh.keys() ?? []), ...(theirs?.energyWh.keys() ?? [])]);
  for (const key of keys) {
    const oursWh = ours?.energyWh.get(key) ?? 0n;
    const theirWh = BigInt(theirs?.energyWh.get(key) ?? 0);
    if (oursWh !== theirWh) {
      found.push(`${where}, ${key}: billed ${oursWh} Wh, independently ${theirWh}`);
    }
  }
  return found;
}

function compareAccount(ours: BilledAccount, theirs: IndependentAccount | undefined): string[] {
  const { meter } = ours;
  if (theirs?.meter !== meter) return [`${meter}: no independent calculation of this meter`];
  const labels = new Set([...ours.months.keys(), ...theirs.months.keys()]);
  const found = [...labels].flatMap((label) =>
    compareMonth(`${meter}, ${label}`, ours.months.get(label), theirs.months.get(label)),
  );
  if (ours.owedMicros !== BigInt(theirs.owedMicros)) {
    found.push(
      `${meter}: the account owes ${ours.owedMicros} micros, independently ${theirs.owedMicros}`,
    );
  }
  return found;
}

function addEnergy(sums: Map<string, bigint>, more: ReadonlyMap<string, bigint>): void {
  for (const [key, wh] of more) sums.set(key, (sums.get(key) ?? 0n) + wh);
}

function accountRow(ours: BilledAccount, theirs: IndependentAccount | undefined): AccountRow {
  const energyWh = new Map<string, bigint>();
  for (const month of ours.months.values()) addEnergy(energyWh, month.energyWh);
  const independentMicros = BigInt(theirs?.owedMicros ?? 0);
  return { meter: ours.meter, energyWh, oursMicros: ours.owedMicros, independentMicros };
}

function monthRows(
  ours: readonly BilledAccount[],
  theirs: readonly IndependentAccount[],
): MonthRow[] {
  const labels = new Set([...ours, ...theirs].flatMap(({ months }) => [...months.keys()]));
  const rows = [...labels].toSorted().map((month): MonthRow => {
    const energyWh = new Map<string, bigint>();
    let oursMicros = 0n;
    let independentMicros = 0n;
    for (const { months } of ours) {
      addEnergy(energyWh, months.get(month)?.energyWh ?? new Map());
      oursMicros += months.get(month)?.amountMicros ?? 0n;
    }
    for (const { months } of theirs) {
      independentMicros += BigInt(months.get(month)?.amountMicros ?? 0);
    }
    return { month, energyWh, oursMicros, independentMicros };
  });
  // Months between those replayed have a charge without energy.
  return rows.filter(
    ({ energyWh, oursMicros, independentMicros }) =>
      oursMicros !== 0n || independentMicros !== 0n || [...energyWh.values()].some((wh) => wh > 0n),
  );
}

/** What the road billed beside what the file says, to the Wh and the micro. */
export function compareBills(
  replayed: Pick<Replayed, 'accounts' | 'exceptions'>,
  independent: readonly IndependentAccount[],
): Comparison {
  const { accounts, exceptions } = replayed;
  const differences = accounts.flatMap((ours, index) => compareAccount(ours, independent[index]));
  if (accounts.length !== independent.length) {
    differences.push(`${accounts.length} accounts, independently ${independent.length}`);
  }
  for (const [code, count] of exceptions) {
    if (!harmlessExceptions.has(code)) differences.push(`${count} readings were refused: ${code}`);
  }
  const rows = accounts.map((ours, index) => accountRow(ours, independent[index]));
  return {
    accounts: rows,
    months: monthRows(accounts, independent),
    totalOursMicros: rows.reduce((sum, row) => sum + row.oursMicros, 0n),
    totalIndependentMicros: rows.reduce((sum, row) => sum + row.independentMicros, 0n),
    differences,
  };
}
