import { findCharges } from '../db/chargeReads.ts';
import type { ChargeView } from '../db/chargeReads.ts';
import { formatPriceE8 } from '../domain/exact.ts';
import { readChargeLines } from '../operations/readChargeLines.ts';
import type { ChargeLine as ChargeLineView } from '../operations/readChargeLines.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { Energy } from './energy.ts';
import { Meter } from './meter.ts';
import { Money } from './money.ts';
import { chargeKey } from './nodeKey.ts';
import { TariffVersion } from './tariff.ts';

export const Charge = builder.loadableNodeRef<ChargeView>('Charge', {
  id: { resolve: (charge) => charge.key, parse: chargeKey },
  load: (keys, { read }) => read((tx) => findCharges(tx, keys)),
  sort: (charge) => charge.key,
  loaderOptions: { cache: false },
});

type Line = ChargeLineView & { readonly currency: string };

const ChargeLine = builder.objectRef<Line>('ChargeLine').implement({
  fields: (t) => ({
    component: t.exposeString('component'),
    period: t.exposeString('period', { description: "The tariff's period, such as peak." }),
    energy: t.field({ type: Energy, resolve: ({ energyWh }) => ({ wh: energyWh }) }),
    pricePerKilowattHour: t.field({
      type: 'Decimal',
      resolve: ({ priceE8 }) => formatPriceE8(priceE8),
    }),
    amount: t.field({
      type: Money,
      resolve: ({ amountMicros, currency }) => ({ micros: amountMicros, currency }),
    }),
  }),
});

Charge.implement({
  description: 'A rated amount with its reason: agreement, meter, period and tariff version.',
  fields: (t) => ({
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    tariffVersion: t.field({ type: TariffVersion, resolve: (charge) => charge.tariffVersionId }),
    periodStart: t.field({ type: 'DateTime', resolve: ({ periodStart }) => periodStart }),
    energy: t.field({
      type: Energy,
      description: 'Rated so far, the quarter hour that is not over included.',
      resolve: ({ energyWh }) => ({ wh: energyWh }),
    }),
    amount: t.field({
      type: Money,
      description: 'Charged so far: the sum of its transfers.',
      resolve: ({ amountMicros, currency }) => ({ micros: amountMicros, currency }),
    }),
    lines: t.field({
      type: [ChargeLine],
      description: 'Of the quarter hours that are over.',
      resolve: ({ currency, ...charge }) =>
        readChargeLines({ ...charge, periodStartMs: charge.periodStart.getTime() }).map((line) => ({
          ...line,
          currency,
        })),
    }),
    revision: t.exposeInt('revision'),
  }),
});
