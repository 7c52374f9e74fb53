/** JSON that tests change before it is parsed. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

const energy = { kind: 'energy', name: 'energy', flow: 'import', price: '0.2' };

/** Energy in euro, and what comes below it. */
export function withComponent(...components: JsonObject[]): JsonObject {
  return {
    currency: 'EUR',
    calendars: [
      {
        name: 'hours',
        seasons: [{ name: 'winter', spans: [{ from: '11-01', through: '02-29' }] }],
        dayTypes: [{ name: 'rest', weekdays: ['sat', 'sun'], yearly: ['12-25'] }],
        rules: [
          { from: '22:00', to: '06:00', period: 'night' },
          { seasons: ['winter'], dayTypes: ['rest'], from: '00:00', to: '24:00', period: 'day' },
          { from: '00:00', to: '24:00', period: 'day' },
        ],
      },
    ],
    components: [energy, ...components],
  };
}

/** Uses every kind of component and nearly every field. Made up for tests. */
export const fullDocument: JsonObject = {
  ...withComponent(),
  zone: 'Europe/Berlin',
  validFrom: '2026-01-01',
  validTo: '2027-01-01T00:15',
  rounding: {
    line: { step: '0.01', mode: 'half-up' },
    tax: { step: '0.01', mode: 'half-even' },
    bill: { step: '0.05', mode: 'down' },
  },
  intervalMinutes: 30,
  priceSeries: [
    {
      name: 'spot',
      unit: 'MWh',
      minutes: 60,
      from: '2026-01-01T00:00:00+01:00',
      prices: ['81.25', null, '-3.5'],
    },
  ],
  components: [
    {
      kind: 'energy',
      name: 'energy',
      flow: 'import',
      calendar: 'hours',
      prices: { night: '0.2', day: [{ upTo: '100', price: '0.1' }, { price: '0.30000001' }] },
      tiers: {
        unit: 'kWh',
        reset: 'year',
        resetMonth: 4,
        allocation: 'proportional',
        proration: 'none',
      },
      quantity: { step: '1', mode: 'down' },
      when: { useAboveKwh: '0', useAtMostKwh: '5000', customerClasses: ['home', 'farm'] },
    },
    {
      kind: 'energy',
      name: 'net',
      flow: 'net',
      calendar: 'hours',
      prices: { night: '0.1', day: '0.2' },
      surplusPrices: { day: '0.05' },
    },
    {
      kind: 'dynamic',
      name: 'market',
      flow: 'export',
      series: 'spot',
      factor: '0.9',
      adder: '-0.01',
      cap: '0.5',
      floor: '-0.1',
      resolutionMinutes: 60,
      missing: { price: '0.08' },
    },
    {
      kind: 'demand',
      name: 'power',
      unit: 'kW',
      windowMinutes: 15,
      measure: { meanOfTop: 3, each: 'day' },
      calendar: 'hours',
      prices: { night: '1', day: [{ upTo: '10', price: '2' }, { price: '3' }] },
      meanOfMonths: { months: 12, floor: '2.5' },
      minimum: '1.5',
      ratchets: [{ percent: '80', months: 11, ofMonths: [6, 7], ofPeriods: ['day'] }],
      coincident: [{ from: '2026-01-05T17:00:00Z', to: '2026-01-05T18:00:00Z' }],
      proration: 'days',
    },
    {
      kind: 'reactive',
      name: 'kvarh',
      measure: 'excess',
      quadrants: ['q1', 'q4'],
      freeShare: '0.5',
      price: '0.02',
    },
    {
      kind: 'reactive',
      name: 'cosphi',
      measure: 'powerFactor',
      quadrants: ['q1'],
      decimals: 2,
      mode: 'half-up',
      steps: [
        { below: '0.9', percent: '1', per: '0.01' },
        { above: '0.95', percent: '-0.5', per: '0.01' },
      ],
      of: ['energy', 'power'],
    },
    {
      kind: 'reactive',
      name: 'kva',
      measure: 'kvaAdjustment',
      target: '0.9',
      windowMinutes: 30,
      price: '10',
      unmetered: 'leaveOut',
    },
    {
      kind: 'fixed',
      name: 'standing',
      amount: [{ upTo: '0', amount: '1' }, { amount: '12.5' }],
      per: 'month',
      times: 'meters',
      withoutUse: '0.5',
    },
    {
      kind: 'fixed',
      name: 'seasonal',
      calendar: 'hours',
      amounts: { night: '1', day: '2' },
      per: 'bill',
    },
    {
      kind: 'minimum',
      name: 'least',
      amount: '60',
      per: 'year',
      of: ['energy', 'standing'],
      month: 12,
    },
    { kind: 'adjust', name: 'fuel', perKwh: '-0.012' },
    { kind: 'adjust', name: 'uplift', percent: '2.5', of: 'subtotal' },
    {
      kind: 'adjust',
      name: 'losses',
      loss: { noLoadKw: '0.5', loadPercent: '1', price: '0.2' },
    },
    { kind: 'discount', name: 'loyal', percent: '5', of: ['energy'], floor: '10' },
    { kind: 'discount', name: 'gift', amount: '3', of: 'subtotal' },
    { kind: 'tax', name: 'vat', percent: '19', of: 'subtotal', each: 'line', exemptKwh: '50' },
    { kind: 'tax', name: 'duty', perKwh: '0.0205' },
    {
      kind: 'netting',
      name: 'bank',
      method: 'energyCredits',
      carry: { night: 'day' },
      trueUp: { month: 3, price: '0.04' },
    },
  ],
  examples: [
    {
      name: 'an hour of a kilowatt',
      zone: 'Europe/Berlin',
      attributes: { meters: 1, customerClass: 'home' },
      from: '2026-02-01',
      to: '2026-03-01',
      intervalMinutes: 15,
      load: [{ from: '2026-02-01T08:00', to: '2026-02-01T09:00', importKwh: '1.5' }],
      expect: { total: '1.23', components: { energy: '0.2', Rounding: '0' } },
    },
  ],
};
