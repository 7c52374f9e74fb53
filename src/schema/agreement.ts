import { findAgreements } from '../db/tariffReads.ts';
import type { AgreementView } from '../db/tariffReads.ts';
import { findMetersAt } from '../db/meterReads.ts';
import { Account } from './account.ts';
import { builder } from './builder.ts';
import { Meter } from './meter.ts';
import { Money } from './money.ts';
import { integerKey } from './nodeKey.ts';
import { Tariff } from './tariff.ts';

export const Agreement = builder.loadableNodeRef<AgreementView, number>('Agreement', {
  id: { resolve: (agreement) => agreement.id, parse: integerKey },
  load: (ids, { read }) => read((tx) => findAgreements(tx, ids)),
  sort: (agreement) => agreement.id,
  loaderOptions: { cache: false },
});

export const AgreementMode = builder.enumType('AgreementMode', {
  values: { PREPAID: { value: 'prepaid' }, POSTPAID: { value: 'postpaid' } } as const,
});

Agreement.implement({
  description: 'Customer, service point, tariff and validity: what makes a reading money.',
  fields: (t) => ({
    account: t.field({ type: Account, resolve: ({ accountId }) => accountId }),
    tariff: t.field({ type: Tariff, resolve: ({ tariffId }) => tariffId }),
    meters: t.loadableGroup({
      type: Meter,
      resolve: ({ servicePointId }) => servicePointId,
      load: (servicePointIds: number[], { read }) =>
        read((tx) => findMetersAt(tx, servicePointIds)),
      group: (meter) => (typeof meter === 'number' ? meter : meter.servicePointId),
      loaderOptions: { cache: false },
    }),
    servicePointName: t.exposeString('servicePointName'),
    timeZone: t.exposeString('timeZone', { description: 'IANA name.' }),
    mode: t.field({ type: AgreementMode, resolve: ({ mode }) => mode }),
    validFrom: t.field({ type: 'DateTime', resolve: ({ validFrom }) => validFrom }),
    validTo: t.field({ type: 'DateTime', nullable: true, resolve: ({ validTo }) => validTo }),
    balanceLimit: t.field({
      type: Money,
      description: 'Prepaid: at or below it the supply is cut.',
      resolve: ({ balanceLimitMicros, currency }) => ({ micros: balanceLimitMicros, currency }),
    }),
    reconnectLevel: t.field({
      type: Money,
      description: 'Prepaid: at or above it an automatic cut is undone.',
      resolve: ({ reconnectMicros, currency }) => ({ micros: reconnectMicros, currency }),
    }),
  }),
});
