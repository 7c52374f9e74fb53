import { countTransfers, pageTransfers } from '../../db/accountReads.ts';
import type { TransferView } from '../../db/accountReads.ts';
import type { Transaction } from '../../db/connect.ts';
import { asViewerInSnapshot } from '../../db/viewer.ts';
import { readBalanceHead } from '../../db/ledgerReads.ts';
import { formatMicros } from '../../domain/exact.ts';
import { pageSizeMax, statementEntriesMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { minorDigitsOf } from '../../domain/tariff/currency.ts';
import { trialBalance } from '../../operations/trialBalance.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { accountNumbered, companyNamed, staffViewer } from '../viewer.ts';

export type LedgerOptions = { readonly company: string; readonly database: string | undefined };
export type StatementOptions = LedgerOptions & {
  readonly account: string;
  /** Not the newest page alone. */
  readonly all: boolean;
};

function money(micros: bigint, currency: string): string {
  return formatMicros(micros, minorDigitsOf(currency) ?? 0);
}

/** The trial balance of a company; ends with 1 when it is not zero. */
export async function ledgerBalance(options: LedgerOptions): Promise<Answer> {
  const url = databaseUrl(options.database);
  const ids = await withDatabase(url, 'joulebook_writer', (sql) =>
    companyNamed(sql, options.company),
  );
  if (!ids.ok) return ids;
  const viewer = staffViewer(ids.value, 'operator');
  const done = await withDatabase(url, 'joulebook_api', async (sql) =>
    accept(await asViewerInSnapshot(sql, viewer, (tx) => trialBalance(tx, viewer))),
  );
  if (!done.ok) return done;
  const { lines, sums } = done.value;
  const rows = lines.map(({ currency, code, debitMicros, creditMicros, balanceMicros }) =>
    [
      code.padEnd(18),
      currency,
      ...[debitMicros, creditMicros, balanceMicros].map((micros) =>
        money(micros, currency).padStart(18),
      ),
    ].join(' '),
  );
  const totals = sums.map(
    ({ currency, micros }) => `sum in ${currency}: ${money(micros, currency)}`,
  );
  const words = ['debits', 'credits', 'balance'].map((word) => word.padStart(18));
  const head = [''.padEnd(22), ...words].join(' ');
  const text = [head, ...rows, ...totals].join('\n');
  const facts = { lines, sums };
  if (sums.every(({ micros }) => micros === 0n)) return accept({ sentence: text, facts });
  return { ...refuse('LEDGER_NOT_ZERO', `The ledger does not add up.\n${text}`), facts };
}

function lineOf({ transfer, balanceMicros }: { transfer: TransferView; balanceMicros: bigint }) {
  const { postedAt, code, currency, id, corrects, reasonCode } = transfer;
  const { amountMicros, debtMicros, depositMicros } = transfer;
  const amount = money(amountMicros, currency).padStart(14);
  const debt = debtMicros === 0n ? '' : `  debt ${money(debtMicros, currency)}`;
  const deposit = depositMicros === 0n ? '' : `  deposit ${money(depositMicros, currency)}`;
  const why = reasonCode === null ? '' : `  ${reasonCode}`;
  const of = corrects === null ? '' : `  of ${corrects}`;
  const balance = money(balanceMicros, currency).padStart(14);
  const what = `${postedAt.toISOString()}  ${code.padEnd(18)} ${amount} ${balance}`;
  return `${what}  ${id}${debt}${deposit}${why}${of}`;
}

/** Newest first; the balance after each is worked back from the one of now. */
function withBalances(transfers: readonly TransferView[], nowMicros: bigint) {
  let balanceMicros = nowMicros;
  return transfers.map((transfer) => {
    const row = { transfer, balanceMicros };
    balanceMicros -= transfer.amountMicros;
    return row;
  });
}

/** Newest first, a page or all that one statement may hold, in the caller's snapshot. */
async function readTransfers(
  tx: Transaction,
  { accountId, all }: { readonly accountId: number; readonly all: boolean },
): Promise<readonly TransferView[]> {
  const limit = all ? statementEntriesMax : pageSizeMax;
  const found: TransferView[] = [];
  while (found.length < limit) {
    const last = found.at(-1);
    const page = await pageTransfers(tx, accountId, {
      after: last === undefined ? null : { atMs: last.postedAt.getTime(), key: last.key },
      before: null,
      limit: pageSizeMax,
      inverted: false,
    });
    found.push(...page);
    if (page.length < pageSizeMax) break;
  }
  return found;
}

/** A statement that begins later says so, and with which balance. */
function beforeThem(
  rows: readonly { readonly transfer: TransferView; readonly balanceMicros: bigint }[],
  { count, currency, all }: { readonly count: number; currency: string; readonly all: boolean },
): readonly string[] {
  const oldest = rows.at(-1);
  if (oldest === undefined || count === rows.length) return [];
  const micros = oldest.balanceMicros - oldest.transfer.amountMicros;
  const more = all ? '' : '; --all shows them';
  const balance = `${money(micros, currency)} ${currency}`;
  return [`${count - rows.length} older ones left ${balance}${more}.`];
}

/** The transfers of an account with the balance after each. */
export async function ledgerStatement(options: StatementOptions): Promise<Answer> {
  const url = databaseUrl(options.database);
  const ids = await withDatabase(url, 'joulebook_writer', async (sql) => {
    const company = await companyNamed(sql, options.company);
    if (!company.ok) return company;
    const account = { companyId: company.value, number: options.account };
    const accountId = await accountNumbered(sql, account);
    return accountId.ok
      ? accept({ companyId: company.value, accountId: accountId.value })
      : accountId;
  });
  if (!ids.ok) return ids;
  const { companyId, accountId } = ids.value;
  const viewer = staffViewer(companyId, 'operator');
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const read = async (tx: Transaction) => ({
      head: await readBalanceHead(tx, accountId),
      transfers: await readTransfers(tx, { accountId, all: options.all }),
      count: await countTransfers(tx, accountId),
    });
    const { head, transfers, count } = await asViewerInSnapshot(sql, viewer, read);
    const { balanceMicros, reservedMicros, currency } = head;
    const rows = withBalances(transfers, balanceMicros);
    const reserved =
      reservedMicros === 0n ? '' : `, of which ${money(reservedMicros, currency)} is reserved`;
    const balance = `${money(balanceMicros, currency)} ${currency}`;
    const older = beforeThem(rows, { count, currency, all: options.all });
    const last = `Balance of ${options.account}: ${balance}${reserved}.`;
    return accept({
      sentence: [...rows.map(lineOf), ...older, last].join('\n'),
      facts: {
        balance: money(balanceMicros, currency),
        reserved: money(reservedMicros, currency),
        currency,
        olderCount: count - rows.length,
        transfers: rows.map(({ transfer, balanceMicros: micros }) => ({
          id: transfer.id,
          postedAt: transfer.postedAt.toISOString(),
          code: transfer.code,
          debit: transfer.debit,
          credit: transfer.credit,
          amount: money(transfer.amountMicros, currency),
          debtChange: money(transfer.debtMicros, currency),
          depositChange: money(transfer.depositMicros, currency),
          balance: money(micros, currency),
          corrects: transfer.corrects,
          reasonCode: transfer.reasonCode,
          paymentId: transfer.paymentId,
        })),
      },
    });
  });
}
