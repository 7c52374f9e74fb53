import {
  countAccounts,
  countTransfers,
  findAccounts,
  pageAccounts,
  pageTransfers,
} from '../db/accountReads.ts';
import type { AccountView } from '../db/accountReads.ts';
import { countCharges, pageCharges } from '../db/chargeReads.ts';
import { pagePayments } from '../db/paymentReads.ts';
import { pageAgreements } from '../db/tariffReads.ts';
import { Agreement } from './agreement.ts';
import { builder, pageCost } from './builder.ts';
import { Charge } from './charge.ts';
import { Money } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { pageById, pageByTime } from './page.ts';
import { Payment, paymentKeyOf } from './payment.ts';
import { Transfer } from './transfer.ts';

export const Account = builder.loadableNodeRef<AccountView, number>('Account', {
  id: { resolve: (account) => account.id, parse: integerKey },
  load: (ids, { read }) => read((tx) => findAccounts(tx, ids)),
  sort: (account) => account.id,
  loaderOptions: { cache: false },
});

Account.implement({
  description: "A customer's money.",
  fields: (t) => ({
    number: t.exposeString('number'),
    customerName: t.exposeString('customerName'),
    currency: t.field({ type: 'CurrencyCode', resolve: ({ currency }) => currency }),
    balance: t.field({
      type: Money,
      description: 'The sum of its transfers; negative is owed by the customer.',
      resolve: ({ balanceMicros, currency }) => ({ micros: balanceMicros, currency }),
    }),
    agreements: t.connection({
      type: Agreement,
      complexity: pageCost,
      resolve: ({ id }, args, { read }) =>
        pageById(args, (page) => read((tx) => pageAgreements(tx, { accountId: id }, page))),
    }),
    transfers: t.connection(
      {
        type: Transfer,
        complexity: pageCost,
        description: 'Newest first.',
        resolve: async ({ id }, args, { read }) => ({
          ...(await pageByTime(
            args,
            (page) => read((tx) => pageTransfers(tx, id, page)),
            ({ postedAt, key }) => ({ atMs: postedAt.getTime(), key }),
          )),
          count: () => read((tx) => countTransfers(tx, id)),
        }),
      },
      { fields: (c) => ({ totalCount: c.int({ resolve: ({ count }) => count() }) }) },
    ),
    payments: t.connection({
      type: Payment,
      complexity: pageCost,
      description: 'Newest first.',
      resolve: ({ id }, args, { read }) =>
        pageByTime(args, (page) => read((tx) => pagePayments(tx, id, page)), paymentKeyOf),
    }),
    charges: t.connection(
      {
        type: Charge,
        complexity: pageCost,
        description: 'Newest period first.',
        resolve: async ({ id }, args, { read }) => ({
          ...(await pageByTime(
            args,
            (page) => read((tx) => pageCharges(tx, id, page)),
            (charge) => ({ atMs: charge.periodStart.getTime(), key: charge.key }),
          )),
          count: () => read((tx) => countCharges(tx, id)),
        }),
      },
      { fields: (c) => ({ totalCount: c.int({ resolve: ({ count }) => count() }) }) },
    ),
  }),
});

builder.queryFields((t) => ({
  account: t.field({
    type: Account,
    nullable: true,
    authScopes: { may: 'Query.account' },
    args: { id: t.arg.globalID({ for: Account, required: true }) },
    resolve: (_root, { id }) => integerKey(id.id),
  }),
  accounts: t.connection(
    {
      type: Account,
      authScopes: { may: 'Query.accounts' },
      complexity: pageCost,
      resolve: async (_root, args, { read }) => ({
        ...(await pageById(args, (page) => read((tx) => pageAccounts(tx, page)))),
        count: () => read(countAccounts),
      }),
    },
    { fields: (c) => ({ totalCount: c.int({ resolve: ({ count }) => count() }) }) },
  ),
}));
