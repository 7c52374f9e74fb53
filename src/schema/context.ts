import { findAccounts } from '../db/accountReads.ts';
import type { Sql, Transaction } from '../db/connect.ts';
import { asViewer } from '../db/viewer.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { createAuditBudget } from '../operations/auditBudget.ts';
import type { AuditBudget } from '../operations/auditBudget.ts';
import type { OfficeSide } from '../operations/office/commitOffice.ts';
import type { HearDeps } from '../operations/payments/hearProvider.ts';
import type { HearReportsDeps } from '../operations/prepaid/hearReports.ts';
import type { RequestDeps } from '../operations/onceByKey.ts';
import { refusalsPerMinuteMax } from '../domain/payment/limits.ts';
import type { DeviceKeysOf } from '../domain/payment/deviceKeys.ts';
import type { Tail } from '../stream/tail.ts';

export type ApiDeps = RequestDeps & {
  readonly tail: Tail;
  /** Absent where the server was given no key of the offices. */
  readonly office?: OfficeSide;
  /** Absent where the server hears no payment providers and calls none. */
  readonly payments?: Pick<HearDeps, 'writer' | 'providerOf'>;
  /** Absent where the server has no keys of keypad devices. */
  readonly deviceKeys?: DeviceKeysOf;
  /** Absent where there is no messaging gateway to report what arrived. */
  readonly notices?: Pick<HearReportsDeps, 'writer' | 'readReports'>;
  readonly onError: (error: unknown) => void;
  readonly streamProgressMs: number;
};

/** What all requests of a server share. */
export type ServedDeps = ApiDeps & {
  /** Asked of each refusal of a viewer that would be a row of the audit. */
  readonly isAuditedMore: AuditBudget<string>;
};

export function createServed(deps: ApiDeps): ServedDeps {
  const nowMs = () => deps.clock.nowMs();
  return { ...deps, isAuditedMore: createAuditBudget(nowMs, refusalsPerMinuteMax) };
}

/** What resolvers are given, for one request or one connection. */
export type ApiContext = {
  readonly viewer: Viewer;
  /** When the viewer's token ends, and with it every stream. */
  readonly expiresAtMs: number;
  readonly deps: ServedDeps;
  /** One transaction under row-level security. */
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** An account's currency, asked for once: it never changes. Null when it is not visible. */
  currencyOf(accountId: number): Promise<string | null>;
};

export function createContext(
  deps: ServedDeps,
  { viewer, expiresAtMs }: { readonly viewer: Viewer; readonly expiresAtMs: number },
): ApiContext {
  const sql: Sql = deps.sql;
  const read = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    asViewer(sql, viewer, work);
  const currencies = new Map<number, string>();
  return {
    viewer,
    expiresAtMs,
    deps,
    read,
    async currencyOf(accountId) {
      const known = currencies.get(accountId);
      if (known !== undefined) return known;
      const [account] = await read((tx) => findAccounts(tx, [accountId]));
      if (account === undefined) return null;
      currencies.set(accountId, account.currency);
      return account.currency;
    },
  };
}
