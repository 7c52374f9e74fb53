import { test } from 'vitest';
import {
  expectRefusal,
  fixed,
  minimum,
  of,
  netting,
  net,
  malformed,
  unknown,
  tiersMalformed,
  missing,
} from './componentTexts.ts';
import type { Refusal } from './componentTexts.ts';

const refusals: readonly Refusal[] = [
  ['a fixed component without an amount', fixed({}), missing, '1.amount'],
  [
    'an amount beside a calendar',
    fixed({ amount: '1', calendar: 'hours', amounts: { night: '1', day: '1' } }),
    malformed,
    '1.calendar',
  ],
  ['amounts without a calendar', fixed({ amounts: { night: '1' } }), malformed, '1.amounts'],
  ['a calendar without amounts', fixed({ calendar: 'hours' }), missing, '1.amounts'],
  [
    'a period without an amount',
    fixed({ calendar: 'hours', amounts: { night: '1' } }),
    missing,
    '1.amounts.day',
  ],
  [
    'a last step that ends',
    fixed({ amount: [{ upTo: '5', amount: '1' }] }),
    tiersMalformed,
    '1.amount.0.upTo',
  ],
  [
    'steps that do not rise',
    fixed({ amount: [{ upTo: '5', amount: '1' }, { upTo: '4', amount: '1' }, { amount: '1' }] }),
    tiersMalformed,
    '1.amount.1.upTo',
  ],
  [
    'more than all without use',
    fixed({ amount: '1', withoutUse: '1.5' }),
    malformed,
    '1.withoutUse',
  ],
  [
    'a whole year on every bill',
    fixed({ amount: '1', per: 'year', proration: 'none' }),
    malformed,
    '1.proration',
  ],

  ['a negative minimum', minimum({ amount: '-5' }), malformed, '1.amount'],
  ['a yearly minimum without its month', minimum({ per: 'year' }), malformed, '1.month'],
  ['a month of a monthly minimum', minimum({ per: 'month', month: 3 }), malformed, '1.month'],
  ['a minimum of itself', minimum({ of: ['x'] }), unknown, '1.of.0'],
  [
    'a minimum of what is below',
    [minimum({ of: ['energy', 'later'] }), fixed({ name: 'later', amount: '1' })],
    unknown,
    '1.of.1',
  ],
  [
    'a minimum of a line twice',
    minimum({ of: ['energy', 'energy'] }),
    'TARIFF_NAME_REPEATED',
    '1.of.1',
  ],

  ['an adjustment by nothing', of('adjust', {}), missing, '1.perKwh'],
  [
    'an adjustment by two',
    of('adjust', { perKwh: '1', percent: '1', of: ['energy'] }),
    malformed,
    '1.percent',
  ],
  ['a percentage of nothing', of('adjust', { percent: '1' }), malformed, '1.of'],
  ['a price a kWh of lines', of('adjust', { perKwh: '1', of: ['energy'] }), malformed, '1.of'],
  [
    'negative losses',
    of('adjust', { loss: { noLoadKw: '-1', loadPercent: '1', price: '1' } }),
    malformed,
    '1.loss.noLoadKw',
  ],
  ['a discount of nothing', of('discount', { of: ['energy'] }), missing, '1.amount'],
  [
    'a discount by two',
    of('discount', { of: ['energy'], amount: '1', percent: '1' }),
    malformed,
    '1.percent',
  ],
  [
    'a negative discount',
    of('discount', { of: ['energy'], percent: '-1' }),
    malformed,
    '1.percent',
  ],
  ['a tax of nothing', of('tax', {}), missing, '1.percent'],
  ['a tax by two', of('tax', { percent: '1', of: ['energy'], perKwh: '1' }), malformed, '1.perKwh'],
  ['a tax a kWh of lines', of('tax', { perKwh: '1', of: ['energy'] }), malformed, '1.of'],
  ['a tax a kWh for each line', of('tax', { perKwh: '1', each: 'line' }), malformed, '1.each'],
  ['a negative exemption', of('tax', { perKwh: '1', exemptKwh: '-1' }), malformed, '1.exemptKwh'],

  ['a method of its own', netting('barter'), malformed, '1.method'],
  ['netting twice', [netting('interval'), netting('buyAllSellAll', { name: 'y' })], malformed, '2'],
  ['credits without net energy', netting('energyCredits'), unknown, '1'],
  [
    'net energy below its credits',
    [net, netting('energyCredits'), { ...net, name: 'late' }],
    malformed,
    '3',
  ],
  [
    'net energy below its credit in money',
    [net, netting('moneyCredits', { of: ['net'] }), { ...net, name: 'late' }],
    malformed,
    '3',
  ],
  [
    'credits of a period unknown',
    [net, netting('energyCredits', { carry: { dawn: 'day' } })],
    unknown,
    '2.carry.dawn',
  ],
  [
    'credits carried to themselves',
    [net, netting('energyCredits', { carry: { day: 'day' } })],
    malformed,
    '2.carry.day',
  ],
  [
    'a true-up without a price',
    [net, netting('energyCredits', { trueUp: { month: 3 } })],
    missing,
    '2.trueUp.price',
  ],
  [
    'a share of kWh',
    [net, netting('energyCredits', { trueUp: { month: 3, price: '1', share: '1' } })],
    malformed,
    '2.trueUp.share',
  ],
  [
    'a true-up of money without a share',
    netting('moneyCredits', { of: ['energy'], trueUp: { month: 3 } }),
    missing,
    '1.trueUp.share',
  ],
  [
    'a price of money',
    netting('moneyCredits', { of: ['energy'], trueUp: { month: 3, share: '1', price: '1' } }),
    malformed,
    '1.trueUp.price',
  ],
  [
    'more than all money',
    netting('moneyCredits', { of: ['energy'], trueUp: { month: 3, share: '1.01' } }),
    malformed,
    '1.trueUp.share',
  ],
  [
    'a true-up of credits that end',
    netting('netBilling', { of: ['energy'], unused: 'expire', trueUp: { month: 3, share: '1' } }),
    malformed,
    '1.trueUp',
  ],
  [
    'netting that depends on use',
    netting('interval', { when: { useAboveKwh: '1' } }),
    malformed,
    '1.when',
  ],
];

test.each(refusals)('%s is refused', (...refusal) => expectRefusal(refusal));
