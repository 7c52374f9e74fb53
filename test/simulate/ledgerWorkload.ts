import type { SingleTransfer } from '../../src/db/ledger.ts';
import type { PendingEnd, PendingTransfer } from '../../src/db/pending.ts';
import type { TransferRow } from '../../src/db/postings.ts';
import type { SeededRandom } from './seededRandom.ts';

/** What a soak does to the ledger, with what must come of it worked out beside it. */

export type Customer = {
  readonly accountId: number;
  readonly currency: string;
  readonly customerId: number;
  readonly debtId: number;
};

export type Books = {
  readonly companyId: number;
  readonly customers: readonly Customer[];
  /** Ledger accounts of the company by code and currency. */
  readonly houses: ReadonlyMap<string, number>;
};

/** What one worker has done: it alone ends its pendings and corrects its transfers. */
export type Doings = {
  pendings: PendingTransfer[];
  corrigible: { transfer: SingleTransfer; leftMicros: bigint }[];
  known: SingleTransfer[];
};

export type Drawn =
  | { readonly kind: 'transfer'; readonly transfer: SingleTransfer }
  | { readonly kind: 'reuse'; readonly transfer: SingleTransfer }
  | { readonly kind: 'pend'; readonly pending: PendingTransfer }
  | { readonly kind: 'end'; readonly end: PendingEnd };

export type Draw = {
  readonly accountIds: readonly number[];
  readonly singles: readonly Drawn[];
  readonly bulk: readonly TransferRow[];
  readonly bulkFirstId: string;
  readonly bulkDeltas: ReadonlyMap<number, bigint>;
  readonly expectedDeltas: ReadonlyMap<number, bigint>;
  readonly expectedReserves: ReadonlyMap<number, bigint>;
  readonly expectedTransfers: number;
  readonly atMs: number;
};

const dayMs = 86_400_000;
/** Larger batches come as a rater's commit does: rows by COPY, balances in one statement. */
const bulkSizeMin = 500;

function add(sums: Map<number, bigint>, accountId: number, delta: bigint): void {
  sums.set(accountId, (sums.get(accountId) ?? 0n) + delta);
}

class Drawing {
  readonly deltas = new Map<number, bigint>();
  readonly reserves = new Map<number, bigint>();
  readonly accountIds = new Set<number>();
  readonly singles: Drawn[] = [];
  transfers = 0;
  readonly books: Books;
  readonly random: SeededRandom;
  readonly atMs: number;

  constructor(books: Books, random: SeededRandom, atMs: number) {
    this.books = books;
    this.random = random;
    this.atMs = atMs;
  }

  house(code: string, currency: string): number {
    return this.books.houses.get(`${code} ${currency}`) ?? 0;
  }

  amount(): bigint {
    // The edges count most: one micro, and what is beyond a float's whole numbers.
    const size = this.random.below(5_000);
    if (size < 250) return 1n;
    if (size === 250) return 9_007_199_254_740_993n;
    return BigInt(this.random.between(1, 50_000_000));
  }

  post(transfer: SingleTransfer, { accountId, customerId }: Customer): void {
    this.singles.push({ kind: 'transfer', transfer });
    this.transfers += 1;
    this.moves(transfer, { accountId, customerId });
  }

  moves(
    {
      debitId,
      creditId,
      amountMicros,
    }: Pick<SingleTransfer, 'debitId' | 'creditId' | 'amountMicros'>,
    { accountId, customerId }: Pick<Customer, 'accountId' | 'customerId'>,
  ): void {
    this.accountIds.add(accountId);
    if (creditId === customerId) add(this.deltas, accountId, amountMicros);
    if (debitId === customerId) add(this.deltas, accountId, -amountMicros);
  }
}

function transferOf(drawing: Drawing, customer: Customer): SingleTransfer {
  const { random, books, atMs } = drawing;
  const { accountId, currency, customerId, debtId } = customer;
  const bank = drawing.house('bank', currency);
  const base = {
    id: random.uuid(),
    companyId: books.companyId,
    accountId,
    currency,
    amountMicros: drawing.amount(),
    postedAtMs: atMs,
  };
  switch (random.below(6)) {
    case 0:
      return { ...base, debitId: bank, creditId: customerId, code: 'top_up' };
    case 1: {
      const revenue = drawing.house('energy_revenue', currency);
      return { ...base, debitId: customerId, creditId: revenue, code: 'energy' };
    }
    case 2:
      return { ...base, debitId: debtId, creditId: customerId, code: 'debt_set_aside' };
    case 3:
      return { ...base, debitId: customerId, creditId: debtId, code: 'debt_recovered' };
    case 4: {
      const writeOffs = drawing.house('write_offs', currency);
      return { ...base, debitId: writeOffs, creditId: debtId, code: 'debt_written_off' };
    }
    default: {
      const ours = drawing.house('adjustments', currency);
      const why = { code: 'adjustment', reasonCode: 'goodwill' } as const;
      return { ...base, debitId: ours, creditId: customerId, ...why };
    }
  }
}

function drawPending(drawing: Drawing, doings: Doings, customer: Customer): void {
  const { random, books, atMs } = drawing;
  const { accountId, currency, customerId } = customer;
  const pending: PendingTransfer = {
    id: random.uuid(),
    companyId: books.companyId,
    accountId,
    currency,
    debitId: customerId,
    creditId: drawing.house('bank', currency),
    amountMicros: drawing.amount(),
    code: 'refund',
    pendedAtMs: atMs,
    expiresAtMs: atMs + dayMs,
  };
  drawing.singles.push({ kind: 'pend', pending });
  drawing.accountIds.add(accountId);
  add(drawing.reserves, accountId, pending.amountMicros);
  doings.pendings.push(pending);
}

function drawEnd(drawing: Drawing, pending: PendingTransfer): void {
  const { random, books, atMs } = drawing;
  const end = random.pick(['posted', 'posted', 'voided', 'expired'] as const);
  const part = random.chance(0.5) && pending.amountMicros > 1n;
  const amountMicros = part ? pending.amountMicros / 2n : pending.amountMicros;
  const accountId = pending.accountId ?? 0;
  const asked = { companyId: books.companyId, pendingId: pending.id, end };
  drawing.singles.push({
    kind: 'end',
    end: {
      ...asked,
      atMs: end === 'expired' ? atMs + dayMs : atMs,
      ...(end === 'posted' && { amountMicros }),
    },
  });
  drawing.accountIds.add(accountId);
  add(drawing.reserves, accountId, -pending.amountMicros);
  if (end !== 'posted') return;
  add(drawing.deltas, accountId, -amountMicros);
  drawing.transfers += 1;
}

function drawCorrection(drawing: Drawing, doings: Doings): boolean {
  const { random, books } = drawing;
  const one = doings.corrigible.length === 0 ? undefined : random.pick(doings.corrigible);
  if (one === undefined || one.leftMicros === 0n) return false;
  const { transfer: wrong } = one;
  const customer = books.customers.find(({ accountId }) => accountId === wrong.accountId);
  if (customer === undefined) return false;
  const amountMicros = random.chance(0.5) ? one.leftMicros : (one.leftMicros + 1n) / 2n;
  one.leftMicros -= amountMicros;
  drawing.post(
    {
      ...wrong,
      id: random.uuid(),
      debitId: wrong.creditId,
      creditId: wrong.debitId,
      amountMicros,
      code: 'correction',
      corrects: wrong.id,
      reasonCode: 'wrong_amount',
    },
    customer,
  );
  return true;
}

function drawSuspense(drawing: Drawing): void {
  const { random, books, atMs } = drawing;
  const currency = random.pick(['EUR', 'USD']);
  drawing.transfers += 1;
  const transfer: SingleTransfer = {
    id: random.uuid(),
    companyId: books.companyId,
    accountId: null,
    currency,
    debitId: drawing.house('bank', currency),
    creditId: drawing.house('suspense', currency),
    amountMicros: drawing.amount(),
    code: 'unallocated',
    postedAtMs: atMs,
  };
  drawing.singles.push({ kind: 'transfer', transfer });
}

function drawSingle(drawing: Drawing, doings: Doings): void {
  const { random, books } = drawing;
  const customer = random.pick(books.customers);
  const what = random.below(20);
  if (what < 3) return drawPending(drawing, doings, customer);
  if (what < 6) {
    const pending = doings.pendings.pop();
    if (pending !== undefined) return drawEnd(drawing, pending);
  }
  if (what < 8 && drawCorrection(drawing, doings)) return;
  if (what === 8) return drawSuspense(drawing);
  if (what === 9 && doings.known.length > 0) {
    const known = random.pick(doings.known);
    drawing.accountIds.add(known.accountId ?? 0);
    const isSame = random.chance(0.5);
    const transfer = isSame ? known : { ...known, amountMicros: known.amountMicros + 1n };
    drawing.singles.push({ kind: isSame ? 'transfer' : 'reuse', transfer });
    return;
  }
  const transfer = transferOf(drawing, customer);
  drawing.post(transfer, customer);
  doings.corrigible.push({ transfer, leftMicros: transfer.amountMicros });
  doings.known.push(transfer);
  if (doings.corrigible.length > 500) doings.corrigible.shift();
  if (doings.known.length > 500) doings.known.shift();
}

function drawBulk(drawing: Drawing, size: number): { rows: TransferRow[]; firstId: string } {
  const { random, books } = drawing;
  const rows: TransferRow[] = [];
  let firstId = '';
  for (let row = 0; row < size; row += 1) {
    const id = random.uuid();
    if (row === 0) firstId = id;
    const customer = random.pick(books.customers);
    const { accountId, currency, customerId } = customer;
    const revenue = drawing.house('energy_revenue', currency);
    const isCharge = random.chance(0.9);
    const transfer = {
      debitId: isCharge ? customerId : revenue,
      creditId: isCharge ? revenue : customerId,
      amountMicros: drawing.amount(),
    };
    drawing.moves(transfer, customer);
    rows.push({
      ...transfer,
      id: Buffer.from(id.replaceAll('-', ''), 'hex'),
      companyId: books.companyId,
      currency,
      code: isCharge ? 'energy' : 'reading_corrected',
      accountId,
      agreementId: accountId,
      meterId: accountId,
      periodStartMs: drawing.atMs,
      tariffVersionId: 1,
      logShard: 0,
      logPosition: 1n,
    });
  }
  drawing.transfers += size;
  return { rows, firstId };
}

export function drawBatch(
  books: Books,
  doings: Doings,
  { random, size, atMs }: { random: SeededRandom; size: number; atMs: number },
): Draw {
  const drawing = new Drawing(books, random, atMs);
  const isBulk = size >= bulkSizeMin;
  const bulk = isBulk ? drawBulk(drawing, size) : { rows: [], firstId: '' };
  const bulkDeltas = new Map(drawing.deltas);
  if (!isBulk) for (let each = 0; each < size; each += 1) drawSingle(drawing, doings);
  return {
    accountIds: [...drawing.accountIds].filter((id) => id > 0).toSorted((a, b) => a - b),
    singles: drawing.singles,
    bulk: bulk.rows,
    bulkFirstId: bulk.firstId,
    bulkDeltas,
    expectedDeltas: drawing.deltas,
    expectedReserves: drawing.reserves,
    expectedTransfers: drawing.transfers,
    atMs,
  };
}
