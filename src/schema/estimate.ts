import type { EstimatedBill } from '../domain/lab/estimate.ts';
import { exactText } from '../domain/exactText.ts';
import { microsOf } from '../domain/exact.ts';
import { projectionWeeks } from '../domain/limits.ts';
import type { Outcome } from '../domain/outcome.ts';
import { estimateBill } from '../operations/estimateBill.ts';
import type { BillEstimateView } from '../operations/estimateBill.ts';
import { Agreement } from './agreement.ts';
import { builder } from './builder.ts';
import { codedRefusal } from './coded.ts';
import { BillWarningRef, ChargeLine } from './line.ts';
import { Money } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { ValueState } from './quality.ts';
import { Tariff } from './tariff.ts';

type BillView = {
  readonly bill: Outcome<EstimatedBill, string>;
  readonly currency: string;
};

const EstimatedBillRef = builder.objectRef<BillView>('EstimatedBill').implement({
  description: 'A bill, or the code of why there is none: never a zero in its place.',
  fields: (t) => ({
    total: t.field({
      type: Money,
      nullable: true,
      description: 'As the ledger would post it, to the micro-unit.',
      resolve: ({ bill, currency }) =>
        bill.ok ? { micros: microsOf(bill.value.total), currency } : null,
    }),
    exact: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'The total with all of its decimals, 18 where they have no end.',
      resolve: ({ bill }) => (bill.ok ? exactText(bill.value.total) : null),
    }),
    lines: t.field({
      type: [ChargeLine],
      resolve: ({ bill, currency }) =>
        bill.ok ? bill.value.lines.map((line) => ({ ...line, currency })) : [],
    }),
    warnings: t.field({
      type: [BillWarningRef],
      resolve: ({ bill }) => (bill.ok ? [...bill.value.warnings] : []),
    }),
    code: t.string({
      nullable: true,
      description: 'Such as PRICE_MISSING or ATTRIBUTE_MISSING.',
      resolve: ({ bill }) => (bill.ok ? null : bill.code),
    }),
    message: t.string({
      nullable: true,
      resolve: ({ bill }) => (bill.ok ? null : bill.message),
    }),
  }),
});

const BillEstimate = builder.objectRef<BillEstimateView>('BillEstimate').implement({
  description: 'Worked out from the readings when it is asked for; nothing is posted.',
  fields: (t) => ({
    agreement: t.field({ type: Agreement, resolve: ({ agreementId }) => agreementId }),
    month: t.exposeString('month', { description: 'Local, such as 2026-03.' }),
    from: t.field({ type: 'DateTime', resolve: ({ fromMs }) => new Date(fromMs) }),
    to: t.field({ type: 'DateTime', resolve: ({ toMs }) => new Date(toMs) }),
    state: t.field({ type: ValueState, resolve: () => 'PROVISIONAL' as const }),
    asOf: t.field({
      type: 'DateTime',
      description: 'Readings are known up to here; later ones are guessed.',
      resolve: ({ knownUntilMs }) => new Date(knownUntilMs),
    }),
    soFar: t.field({
      type: EstimatedBillRef,
      description: 'Up to asOf: standing charges by the day, minima and rounding not yet.',
      resolve: ({ soFar, currency }) => ({ bill: soFar, currency }),
    }),
    projected: t.field({
      type: EstimatedBillRef,
      description:
        'The whole bill, if each quarter hour to come is the mean of the known ones of the same ' +
        `weekday and local time in the ${projectionWeeks} weeks before it.`,
      resolve: ({ projected, currency }) => ({ bill: projected, currency }),
    }),
    knownIntervals: t.exposeInt('knownCount'),
    projectedIntervals: t.exposeInt('projectedCount'),
    missingIntervals: t.exposeInt('missingCount', {
      description: 'Neither known nor to be guessed: they cost nothing and are warned of.',
    }),
  }),
});

builder.queryField('estimateBill', (t) =>
  t.field({
    type: BillEstimate,
    authScopes: { may: 'Query.estimateBill' },
    description: 'By the tariff of the agreement, by another one, or by a draft.',
    complexity: 100,
    args: {
      agreementId: t.arg.globalID({ for: Agreement, required: true }),
      month: t.arg.string({ required: true, description: 'Local, such as 2026-03.' }),
      tariffId: t.arg.globalID({ for: Tariff }),
      document: t.arg({ type: 'JSON', description: 'A draft of a tariff.' }),
    },
    resolve: async (_root, args, { read, viewer, deps }) => {
      const { tariffId } = args;
      const input = {
        agreementId: integerKey(args.agreementId.id),
        month: args.month,
        tariffId: tariffId === null || tariffId === undefined ? null : integerKey(tariffId.id),
        document: args.document ?? null,
      };
      const nowMs = deps.clock.nowMs();
      const estimated = await read((tx) => estimateBill(tx, viewer, { input, nowMs }));
      if (!estimated.ok) throw codedRefusal(estimated);
      return estimated.value;
    },
  }),
);
