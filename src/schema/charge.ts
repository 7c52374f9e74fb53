import { findCharges, pageHeldCharges } from '../db/chargeReads.ts';
import type { ChargeHold, ChargeView } from '../db/chargeReads.ts';
import { assert } from '../domain/assert.ts';
import { readChargeBill } from '../operations/readChargeBill.ts';
import { Account } from './account.ts';
import { builder, pageCost } from './builder.ts';
import { Energy } from './energy.ts';
import { BillWarningRef, ChargeLine } from './line.ts';
import { Meter } from './meter.ts';
import { Money } from './money.ts';
import { chargeKey } from './nodeKey.ts';
import { pageByTime } from './page.ts';
import { TariffVersion } from './tariff.ts';

export const Charge = builder.loadableNodeRef<ChargeView>('Charge', {
  id: { resolve: (charge) => charge.key, parse: chargeKey },
  load: (keys, { read }) => read((tx) => findCharges(tx, keys)),
  sort: (charge) => charge.key,
  loaderOptions: { cache: false },
});

const ChargeHoldRef = builder
  .objectRef<ChargeHold & { readonly currency: string }>('ChargeHold')
  .implement({
    description:
      'Of a closed bill in a key zone: the second engine does not come to the same amount, so ' +
      'the bill keeps what it had posted before. Nobody can release it by hand. Each time the ' +
      'bill is rated again, for a corrected reading, other prices or another version, both ' +
      'engines bill it anew; as soon as they agree it is posted and the hold is gone.',
    fields: (t) => ({
      heldAt: t.field({ type: 'DateTime', resolve: ({ heldAt }) => heldAt }),
      code: t.exposeString('code', { description: 'Stable; match on it.' }),
      message: t.exposeString('message', { description: 'With both amounts.' }),
      difference: t.field({
        type: Money,
        nullable: true,
        description: 'What the second engine bills more; null where it refused the bill.',
        resolve: ({ differenceMicros, currency }) =>
          differenceMicros === null ? null : { micros: differenceMicros, currency },
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
    hold: t.field({
      type: ChargeHoldRef,
      nullable: true,
      description: 'Why it is not posted as it was rated; staff see it.',
      resolve: ({ hold, currency }) => (hold === null ? null : { ...hold, currency }),
    }),
    revision: t.exposeInt('revision'),
  }),
});

builder.queryField('heldCharges', (t) =>
  t.connection({
    type: Charge,
    authScopes: { may: 'Query.heldCharges' },
    complexity: pageCost,
    description: 'Charges with a hold, the one held last first.',
    resolve: (_root, args, { read }) =>
      pageByTime(
        args,
        (page) => read((tx) => pageHeldCharges(tx, page)),
        ({ hold, key }) => {
          assert(hold !== null, 'a charge of this page is held');
          return { atMs: hold.heldAt.getTime(), key };
        },
      ),
  }),
);
