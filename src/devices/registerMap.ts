import type { RegisterMapName } from '../domain/registerMapName.ts';
/**
 * What a channel is called everywhere above the wire: OBIS value groups C.D.E of IEC 62056-61.
 * 1.8.0 active energy import, 2.8.0 export, 5.8.0 to 8.8.0 reactive energy by quadrant,
 * 16.7.0 sum of active power (signed),
 * 32.7.0 / 52.7.0 / 72.7.0 voltage of L1 / L2 / L3.
 */
export type Channel =
  | '1.8.0'
  | '2.8.0'
  | '5.8.0'
  | '6.8.0'
  | '7.8.0'
  | '8.8.0'
  | '16.7.0'
  | '32.7.0'
  | '52.7.0'
  | '72.7.0';

/** acc32 is SunSpec's unsigned accumulator; bcd is four decimal digits a register. */
export type RegisterType = 'u16' | 'i16' | 'u32' | 'i32' | 'i64' | 'f32' | 'acc32' | 'bcd';

/** Order of 16-bit words; the bytes in a word are big-endian on every Modbus device. */
export type WordOrder = 'highFirst' | 'lowFirst';

/** 3 reads holding registers, 4 reads input registers (Modbus Application Protocol 1.1b3, 6.3). */
export type ReadFunctionCode = 3 | 4;

/** Where a number lies and how its bits are read. */
export type RegisterField = {
  readonly functionCode: ReadFunctionCode;
  /** Zero-based address as carried on the wire, not the manual's 1-based or 3xxxx number. */
  readonly address: number;
  /** 16-bit registers occupied. */
  readonly count: number;
  readonly type: RegisterType;
  readonly wordOrder: WordOrder;
  /** value in `unit` = device number x numerator / denominator; integers, so nothing is a float. */
  readonly scale: { readonly numerator: bigint; readonly denominator: bigint };
  /** Bit patterns (all words, high word first) by which the device says "no value". */
  readonly sentinels: readonly bigint[];
};

export type RegisterSpec = RegisterField & {
  readonly channel: Channel;
  readonly unit: 'Wh' | 'W' | 'mV';
  /** The register returns to zero here, in `unit`; null where the maker states none. */
  readonly wrapModulus: bigint | null;
  /** What one count is worth, in words: it bounds what a bill may claim to know. */
  readonly resolution: string;
};

/** A read that only the expected kind of device answers plausibly; sent after any doubt. */
export type IdentityProbe =
  | {
      readonly kind: 'register';
      readonly field: RegisterField;
      readonly min: bigint;
      readonly max: bigint;
    }
  | { readonly kind: 'coil'; readonly address: number };

export type RegisterMap = {
  readonly name: RegisterMapName;
  readonly registers: readonly RegisterSpec[];
  readonly identity: IdentityProbe;
  /** The most registers this device answers in one read. */
  readonly blockRegistersMax: number;
  /** How many registers we did not ask for may lie inside a block (some devices refuse gaps). */
  readonly gapRegistersMax: number;
  readonly minGapMs: number;
  /** Longest time the device may take to answer; also how long a bus is quarantined. */
  readonly responseMsMax: number;
  /** The most this kind of meter can measure: bounds how far a register moves between two reads. */
  readonly powerWMax: bigint;
  readonly source: string;
  readonly revision: string;
};
