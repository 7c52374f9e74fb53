import { findCharges } from '../db/chargeReads.ts';
import type { ChargeView } from '../db/chargeReads.ts';
import { readChargeBill } from '../operations/readChargeBill.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { Energy } from './energy.ts';
import { BillWarningRef, ChargeLine } from './line.ts';
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
      description: 'Of the quarter hours that are over; none where the rating refused.',
      resolve: async (charge, _args, { read }) => {
        const bill = await read((tx) => readChargeBill(tx, charge));
        return (bill?.lines ?? []).map((line) => ({ ...line, currency: charge.currency }));
      },
    }),
    warnings: t.field({
      type: [BillWarningRef],
      resolve: async (charge, _args, { read }) =>
        (await read((tx) => readChargeBill(tx, charge)))?.warnings ?? [],
    }),
    isClosed: t.boolean({
      description: 'The bill is over; a late reading may still correct it.',
      resolve: ({ openUntil }) => openUntil === null,
    }),
    revision: t.exposeInt('revision'),
  }),
});
