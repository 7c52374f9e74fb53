import { z } from 'zod';
import type { TariffText } from '../../src/domain/tariff/shape.ts';
import { amountText, januaryRoad } from './externalCheck.ts';
import type { Check, External } from './externalCheck.ts';
import {
  kvaAdjustmentTariff,
  kvaDemandTariff,
  openEnergyTariff,
  packageTariff,
  powerFactorTariff,
  tieredTariff,
} from './externalTariffs.ts';
import { rateRoad } from './road.ts';
import type { RoadInput } from './road.ts';

const text = z.union([z.string(), z.number()]).transform(String);
const pairs = z.array(z.tuple([text, text]));

/** Units of other products as kWh, which may have three decimals. */
function wattHours(units: string): number {
  return Math.round(Number(units) * 1_000);
}

function checkUnits(tariff: TariffText, given: unknown, how: string): Check {
  const inputs: RoadInput[] = [];
  const values = pairs.parse(given).map(([units, expected]) => {
    const input = januaryRoad(tariff, { import: [wattHours(units)] });
    inputs.push(input);
    return { at: `${units} units`, ours: amountText(rateRoad(input)), expected };
  });
  return { how, values, inputs };
}

export function lagoGraduated({ expected }: External): Check {
  const tariff = tieredTariff('chronological', [
    { upTo: '10', price: '10', flat: '2' },
    { upTo: '20', price: '5', flat: '3' },
    { price: '5', flat: '3' },
  ]);
  return checkUnits(tariff, expected, 'tiers with a flat amount each');
}

export function lagoVolume({ expected }: External): Check {
  const tariff = tieredTariff('volume', [
    { upTo: '100', price: '2', flat: '10' },
    { upTo: '200', price: '1', flat: '0' },
    { price: '0.5', flat: '50' },
  ]);
  return checkUnits(tariff, expected, 'tiers of allocation volume with flat amounts');
}

export function lagoPackage({ expected }: External): Check {
  const rows = z
    .array(z.object({ units: z.number(), freeUnits: z.number(), amount: z.string() }))
    .parse(expected);
  const inputs: RoadInput[] = [];
  const values = rows.map(({ units, freeUnits, amount }) => {
    const input = januaryRoad(packageTariff(freeUnits), { import: [units * 1_000] });
    inputs.push(input);
    const ours = amountText(rateRoad(input));
    return { at: `${units} units, ${freeUnits} free`, ours, expected: amount };
  });
  return { how: 'a free tier, quantities rounded up to tens', values, inputs };
}

export function openMeterGraduated({ expected }: External): Check {
  const rows = z
    .array(z.object({ units: z.number(), lines: z.array(z.number()), total: z.number() }))
    .parse(expected);
  const tariff = tieredTariff('chronological', [
    { upTo: '5', price: '0', flat: '100' },
    { upTo: '10', price: '0', flat: '50' },
    { upTo: '15', price: '5' },
    { price: '1' },
  ]);
  const inputs: RoadInput[] = [];
  const values = rows.flatMap(({ units, lines, total }) => {
    const input = januaryRoad(tariff, { import: [units * 1_000] });
    inputs.push(input);
    const bills = rateRoad(input);
    return [
      ...lines.map((line, index) => ({
        at: `tier ${index + 1}`,
        ours: amountText(bills, ({ tier }) => tier === index + 1),
        expected: String(line),
      })),
      { at: 'total', ours: amountText(bills), expected: String(total) },
    ];
  });
  return { how: 'tiers of flat amounts and of prices, line by line', values, inputs };
}

/** kWh and kvarh with the power factor: 3-4-5 triangles, and 0.75 to well within its rounding. */
const registersOfFactor = new Map([
  ['0.80', { import: [800_000], q1: [600_000] }],
  ['0.75', { import: [750_000], q1: [661_438] }],
  ['0.60', { import: [600_000], q1: [800_000] }],
]);

export function tnbPowerFactor({ expected }: External): Check {
  const rows = z.array(z.object({ pf: z.string(), surcharge: z.string() })).parse(expected);
  const inputs: RoadInput[] = [];
  const values = rows.map(({ pf, surcharge }) => {
    const registers = registersOfFactor.get(pf);
    if (registers === undefined) return { at: pf, ours: 'no load has it', expected: surcharge };
    const input = januaryRoad(powerFactorTariff, registers);
    inputs.push(input);
    const ours = amountText(rateRoad(input), ({ component }) => component === 'surcharge');
    return { at: `power factor ${pf}`, ours, expected: surcharge };
  });
  return { how: 'a power-factor table of two steps over a fixed amount', values, inputs };
}

/** 800 kW and 600 kvar through one quarter hour are 1,000 kVA. */
export function foretagKva({ expected }: External): Check {
  const [first, second] = z
    .tuple([z.object({ penalty: z.string() }), z.object({ charge: z.string() })])
    .parse(expected);
  const registers = { import: [200_000], q1: [150_000] };
  const adjusted = januaryRoad(kvaAdjustmentTariff, registers, 15);
  const byKva = januaryRoad(kvaDemandTariff, registers, 15);
  return {
    how: 'kvaAdjustment, and demand in kVA',
    values: [
      { at: 'penalty', ours: amountText(rateRoad(adjusted)), expected: first.penalty },
      { at: 'kVA demand', ours: amountText(rateRoad(byKva)), expected: second.charge },
    ],
    inputs: [adjusted, byKva],
  };
}

export function openEnergy({ expected }: External): Check {
  const { total } = z.object({ total: z.string() }).parse(expected);
  const hourWh = Array.from({ length: 48 }, (_, hour) =>
    hour % 24 === 2 || hour % 24 === 12 ? 1_000 : 0,
  );
  const input = januaryRoad(openEnergyTariff, { import: hourWh });
  const expectedTotal = total.replace(/\.?0+$/, '');
  const values = [{ at: 'two days', ours: amountText(rateRoad(input)), expected: expectedTotal }];
  return { how: 'time of use and a charge a day', values, inputs: [input] };
}
