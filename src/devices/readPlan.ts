import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { decodeRegister, resolutionWh } from './codec.ts';
import type { DecodeRefusal } from './codec.ts';
import type { Channel, ReadFunctionCode, RegisterMap, RegisterSpec } from './registerMap.ts';

/** One request: neighbouring registers that the device answers together. */
export type BlockRead = {
  readonly functionCode: ReadFunctionCode;
  readonly address: number;
  readonly count: number;
  readonly registers: readonly RegisterSpec[];
};

export type RegisterSample = {
  readonly channel: Channel;
  readonly valueInUnit: bigint;
  readonly readAtMs: number;
};

/** The fewest requests that fetch these channels within the device's block limits. */
export function planRead(
  map: RegisterMap,
  wanted: readonly Channel[],
): Outcome<readonly BlockRead[], 'CHANNEL_NOT_IN_MAP'> {
  const missing = wanted.find((channel) => !map.registers.some((one) => one.channel === channel));
  if (missing !== undefined || wanted.length === 0) {
    return refuse(
      'CHANNEL_NOT_IN_MAP',
      `The ${map.name} map has no channel ${missing ?? '(none asked for)'}. ` +
        `It has: ${map.registers.map((one) => one.channel).join(', ') || 'coils only'}.`,
    );
  }
  const registers = map.registers
    .filter((one) => wanted.includes(one.channel))
    .toSorted((a, b) => a.functionCode - b.functionCode || a.address - b.address);
  const blocks: BlockRead[] = [];
  for (const register of registers) {
    const last = blocks.at(-1);
    const joined = last === undefined ? null : joinBlock(map, last, register);
    if (joined === null) blocks.push(blockOf(register));
    else blocks[blocks.length - 1] = joined;
  }
  return accept(blocks);
}

function blockOf(register: RegisterSpec): BlockRead {
  const { functionCode, address, count } = register;
  return { functionCode, address, count, registers: [register] };
}

function joinBlock(map: RegisterMap, block: BlockRead, next: RegisterSpec): BlockRead | null {
  const gap = next.address - (block.address + block.count);
  const count = next.address + next.count - block.address;
  const fits =
    block.functionCode === next.functionCode &&
    gap >= 0 &&
    gap <= map.gapRegistersMax &&
    count <= map.blockRegistersMax;
  return fits ? { ...block, count, registers: [...block.registers, next] } : null;
}

export function decodeBlock(
  block: BlockRead,
  words: Uint16Array,
  readAtMs: number,
): Outcome<readonly RegisterSample[], DecodeRefusal> {
  const samples: RegisterSample[] = [];
  for (const register of block.registers) {
    const decoded = decodeRegister(register, words, register.address - block.address);
    if (!decoded.ok) return decoded;
    samples.push({ channel: register.channel, valueInUnit: decoded.value, readAtMs });
  }
  return accept(samples);
}

/**
 * Whether a second read confirms the first. A live energy register moves, so "equal" would never
 * hold; it may only go forward (or wrap), and no further than the strongest load of this kind of
 * meter takes it in the time between, plus one count of the register. Power and voltage prove
 * nothing and are not compared: they are taken from the second read.
 */
export function readsAgree(options: {
  map: RegisterMap;
  first: readonly RegisterSample[];
  second: readonly RegisterSample[];
  /** How many times faster than the clock the registers may move: 1 on real meters. */
  pace: number;
}): boolean {
  const { map, first, second, pace } = options;
  return second.every((later) => {
    const spec = map.registers.find((one) => one.channel === later.channel);
    const earlier = first.find((one) => one.channel === later.channel);
    if (spec === undefined || earlier === undefined) return false;
    if (spec.unit !== 'Wh') return true;
    const betweenMs = BigInt(Math.ceil((later.readAtMs - earlier.readAtMs + 1) * pace));
    const loadWh = (map.powerWMax * betweenMs) / 3_600_000n + 1n;
    const boundWh = loadWh + resolutionWh(spec, later.valueInUnit);
    const moved = later.valueInUnit - earlier.valueInUnit;
    if (moved >= 0n) return moved <= boundWh;
    return spec.wrapModulus !== null && moved + spec.wrapModulus <= boundWh;
  });
}
