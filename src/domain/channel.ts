import { assertNever } from './assert.ts';
import type { Medium } from './medium.ts';
import { accept, refuse } from './outcome.ts';
import type { Outcome } from './outcome.ts';

/**
 * What a meter measures, as a small integer: one column on the wire, one smallint in a table.
 * The codes are the C group of the OBIS name (IEC 62056-6-1, 5.5): 1 is A+, 2 is A-, 5 to 8 are
 * reactive energy by quadrant, 16 is the sum of active power over the phases, import minus export;
 * 20, 40 and 60 more are the same of one phase. 256 more is the energy of an interval of it.
 * Channel 1 is the main register of a meter of any medium.
 */
export const importChannel = 1;
export const exportChannel = 2;
export const q1Channel = 5;
export const q2Channel = 6;
export const q3Channel = 7;
export const q4Channel = 8;
export const powerChannel = 16;
export const importL1Channel = 21;
export const exportL1Channel = 22;
export const importL2Channel = 41;
export const exportL2Channel = 42;
export const importL3Channel = 61;
export const exportL3Channel = 62;
export const intervalEnergyChannel = 257;

/** Of the three phases, in their order. */
export const phaseChannels = [
  { import: importL1Channel, export: exportL1Channel },
  { import: importL2Channel, export: exportL2Channel },
  { import: importL3Channel, export: exportL3Channel },
] as const;

export type ChannelCode =
  | typeof importChannel
  | typeof exportChannel
  | typeof q1Channel
  | typeof q2Channel
  | typeof q3Channel
  | typeof q4Channel
  | typeof powerChannel
  | typeof importL1Channel
  | typeof exportL1Channel
  | typeof importL2Channel
  | typeof exportL2Channel
  | typeof importL3Channel
  | typeof exportL3Channel
  | typeof intervalEnergyChannel;

export type Channel = {
  readonly code: ChannelCode;
  /**
   * Groups C.D.E of IEC 62056-6-1: quantity, processing (8 = time integral, 29 = time integral over
   * an interval), tariff (0 = all). Of gas and water by EN 13757-1, group A being 7 and 8.
   */
  readonly obis:
    | '1.8.0'
    | '2.8.0'
    | '5.8.0'
    | '6.8.0'
    | '7.8.0'
    | '8.8.0'
    | '16.7.0'
    | '21.8.0'
    | '22.8.0'
    | '41.8.0'
    | '42.8.0'
    | '61.8.0'
    | '62.8.0'
    | '1.29.0'
    | '3.0.0'
    | '1.0.0';
  /**
   * Unit code of a DLMS scaler_unit, COSEM Blue Book ed. 12, table 4: 13 = m3, 27 = W, 30 = Wh,
   * 32 = varh.
   */
  readonly dlmsUnit: 13 | 27 | 30 | 32;
  /** What its values are kept in. */
  readonly unit: 'W' | 'Wh' | 'varh' | 'l';
  /**
   * A register only counts up and is billed by difference; an interval's energy is of the quarter
   * hour that ends at its instant, and checks or weighs, but is never billed by itself; an
   * instantaneous value is telemetry.
   */
  readonly kind: 'register' | 'interval' | 'instantaneous';
};

const active = { dlmsUnit: 30, unit: 'Wh', kind: 'register' } as const;
const reactive = { dlmsUnit: 32, unit: 'varh', kind: 'register' } as const;
const volume = { code: importChannel, dlmsUnit: 13, unit: 'l', kind: 'register' } as const;

/** Of electricity. */
export const channels: readonly Channel[] = [
  { code: importChannel, obis: '1.8.0', ...active },
  { code: exportChannel, obis: '2.8.0', ...active },
  { code: q1Channel, obis: '5.8.0', ...reactive },
  { code: q2Channel, obis: '6.8.0', ...reactive },
  { code: q3Channel, obis: '7.8.0', ...reactive },
  { code: q4Channel, obis: '8.8.0', ...reactive },
  { code: powerChannel, obis: '16.7.0', dlmsUnit: 27, unit: 'W', kind: 'instantaneous' },
  { code: importL1Channel, obis: '21.8.0', ...active },
  { code: exportL1Channel, obis: '22.8.0', ...active },
  { code: importL2Channel, obis: '41.8.0', ...active },
  { code: exportL2Channel, obis: '42.8.0', ...active },
  { code: importL3Channel, obis: '61.8.0', ...active },
  { code: exportL3Channel, obis: '62.8.0', ...active },
  { code: intervalEnergyChannel, obis: '1.29.0', dlmsUnit: 30, unit: 'Wh', kind: 'interval' },
];

const byCode: ReadonlyMap<number, Channel> = new Map(channels.map((each) => [each.code, each]));

/** Of gas its volume at metering conditions, or corrected by the meter: a block says which. */
export const gasVolume: Channel = { obis: '3.0.0', ...volume };
export const waterVolume: Channel = { obis: '1.0.0', ...volume };

export function channelOf(code: number): Channel | null {
  return byCode.get(code) ?? null;
}

/** What a meter of a medium calls by a code; gas and water have their main register alone. */
export function channelOfMedium(code: number, medium: Medium): Channel | null {
  switch (medium) {
    case 'electricity':
      return channelOf(code);
    case 'gas':
      return code === importChannel ? gasVolume : null;
    case 'water':
      return code === importChannel ? waterVolume : null;
    default:
      return assertNever(medium);
  }
}

/** Corrected volume in m3, table 4 of the Blue Book: gas alone is converted to a normal state. */
const correctedVolumeUnit = 14;
/** 10^9 Wh a count is a terawatt-hour meter's; beyond it the scaler is a mistake. */
const wholeScalerMax = 9;
/** A litre is the thousandth of a cubic metre; 10^6 m3 a count is a country's. */
const litreScaler = -3;
const volumeScalerMax = 6;

export type UnitCheckCode = 'CHANNEL_UNKNOWN' | 'UNIT_MISMATCH' | 'SCALER_UNSUPPORTED';

/**
 * The Unit of Measure Check, before anything is stored in a series: accepts the factor that takes
 * a value of the block to the channel's own unit. Nothing is guessed and nothing is divided: a
 * fraction of a watt-hour or litre is rounded once, by the codec that knows the meter's resolution.
 */
export function checkUnit(
  block: { readonly channel: number; readonly unit: number; readonly scaler: number },
  medium: Medium = 'electricity',
): Outcome<{ readonly channel: Channel; readonly factor: number }, UnitCheckCode> {
  const { unit, scaler } = block;
  const channel = channelOfMedium(block.channel, medium);
  if (channel === null) {
    const known = medium === 'electricity' ? channels.map(({ code }) => code).join(', ') : '1';
    return refuse(
      'CHANNEL_UNKNOWN',
      `Channel ${block.channel} of a meter of ${medium} is not known; known are ${known}.`,
    );
  }
  const isCorrected = medium === 'gas' && unit === correctedVolumeUnit;
  if (unit !== channel.dlmsUnit && !isCorrected) {
    return refuse(
      'UNIT_MISMATCH',
      `Channel ${channel.code} (${channel.obis}) of a meter of ${medium} is sent in DLMS unit ` +
        `${channel.dlmsUnit}; the block says unit ${unit}. ` +
        'Correct the register map, or the unit that is sent.',
    );
  }
  const isVolume = channel.unit === 'l';
  const least = isVolume ? litreScaler : 0;
  const most = isVolume ? volumeScalerMax : wholeScalerMax;
  if (!Number.isInteger(scaler) || scaler < least || scaler > most) {
    return refuse(
      'SCALER_UNSUPPORTED',
      `Scaler ${scaler} is outside ${least} to ${most}: send whole ${channel.unit}.`,
    );
  }
  return accept({ channel, factor: 10 ** (scaler - least) });
}
