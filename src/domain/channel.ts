import { accept, refuse } from './outcome.ts';
import type { Outcome } from './outcome.ts';

/**
 * What a meter measures, as a small integer: one column on the wire, one smallint in a table.
 * The codes are the C group of the OBIS name (IEC 62056-6-1, 5.5): 1 is A+, 2 is A-, 5 to 8 are
 * reactive energy by quadrant, 16 is the sum of active power over the phases, import minus export.
 */
export const importChannel = 1;
export const exportChannel = 2;
export const q1Channel = 5;
export const q2Channel = 6;
export const q3Channel = 7;
export const q4Channel = 8;
export const powerChannel = 16;

export type ChannelCode =
  | typeof importChannel
  | typeof exportChannel
  | typeof q1Channel
  | typeof q2Channel
  | typeof q3Channel
  | typeof q4Channel
  | typeof powerChannel;

export type Channel = {
  readonly code: ChannelCode;
  /** Groups C.D.E of IEC 62056-6-1: quantity, processing (8 = time integral), tariff (0 = all). */
  readonly obis: '1.8.0' | '2.8.0' | '5.8.0' | '6.8.0' | '7.8.0' | '8.8.0' | '16.7.0';
  /**
   * Unit code of a DLMS scaler_unit, COSEM Blue Book ed. 12, table 4: 27 = W, 30 = Wh, 32 = varh.
   */
  readonly dlmsUnit: 27 | 30 | 32;
  readonly unit: 'W' | 'Wh' | 'varh';
  /** A register only counts up and is billed by difference; an instantaneous value is telemetry. */
  readonly kind: 'register' | 'instantaneous';
};

const importEnergy: Channel = {
  code: importChannel,
  obis: '1.8.0',
  dlmsUnit: 30,
  unit: 'Wh',
  kind: 'register',
};
const exportEnergy: Channel = {
  code: exportChannel,
  obis: '2.8.0',
  dlmsUnit: 30,
  unit: 'Wh',
  kind: 'register',
};
const reactiveEnergy = { dlmsUnit: 32, unit: 'varh', kind: 'register' } as const;
const q1Energy: Channel = { code: q1Channel, obis: '5.8.0', ...reactiveEnergy };
const q2Energy: Channel = { code: q2Channel, obis: '6.8.0', ...reactiveEnergy };
const q3Energy: Channel = { code: q3Channel, obis: '7.8.0', ...reactiveEnergy };
const q4Energy: Channel = { code: q4Channel, obis: '8.8.0', ...reactiveEnergy };
const activePower: Channel = {
  code: powerChannel,
  obis: '16.7.0',
  dlmsUnit: 27,
  unit: 'W',
  kind: 'instantaneous',
};

export const channels: readonly Channel[] = [
  importEnergy,
  exportEnergy,
  q1Energy,
  q2Energy,
  q3Energy,
  q4Energy,
  activePower,
];

export function channelOf(code: number): Channel | null {
  switch (code) {
    case importChannel:
      return importEnergy;
    case exportChannel:
      return exportEnergy;
    case q1Channel:
      return q1Energy;
    case q2Channel:
      return q2Energy;
    case q3Channel:
      return q3Energy;
    case q4Channel:
      return q4Energy;
    case powerChannel:
      return activePower;
    default:
      return null;
  }
}

/** 10^9 Wh a count is a terawatt-hour meter's; beyond it the scaler is a mistake. */
const wholeScalerMax = 9;

export type UnitCheckCode = 'CHANNEL_UNKNOWN' | 'UNIT_MISMATCH' | 'SCALER_UNSUPPORTED';

/**
 * The Unit of Measure Check, before anything is stored in a series: accepts the factor that takes
 * a value of the block to the channel's own unit. Nothing is guessed and nothing is divided: a
 * fraction of a watt-hour is rounded once, by the codec that knows the meter's resolution.
 */
export function checkUnit(block: {
  readonly channel: number;
  readonly unit: number;
  readonly scaler: number;
}): Outcome<{ readonly channel: Channel; readonly factor: number }, UnitCheckCode> {
  const channel = channelOf(block.channel);
  if (channel === null) {
    return refuse(
      'CHANNEL_UNKNOWN',
      `Channel ${block.channel} is not known; known are ${channels.map((c) => c.code).join(', ')}.`,
    );
  }
  if (block.unit !== channel.dlmsUnit) {
    return refuse(
      'UNIT_MISMATCH',
      `Channel ${channel.code} (${channel.obis}) is in ${channel.unit}, DLMS unit ` +
        `${channel.dlmsUnit}; the block says unit ${block.unit}. Correct the register map.`,
    );
  }
  if (!Number.isInteger(block.scaler) || block.scaler < 0 || block.scaler > wholeScalerMax) {
    return refuse(
      'SCALER_UNSUPPORTED',
      `Scaler ${block.scaler} is outside 0 to ${wholeScalerMax}: send whole ${channel.unit}.`,
    );
  }
  return accept({ channel, factor: 10 ** block.scaler });
}
