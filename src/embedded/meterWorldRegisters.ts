import { assertNever } from '../domain/assert.ts';
import type { RegisterMapName } from '../domain/registerMapName.ts';

/** What a simulated meter knows about itself at the moment it is asked. */
export type MeterFacts = {
  readonly importWh: bigint;
  readonly exportWh: bigint;
  readonly powerW: number;
  readonly voltageV: number;
};

/** Modbus exceptions: 1 illegal function, 2 illegal address, 3 illegal quantity. */
export type RegisterAnswer = { ok: true; bytes: Buffer } | { ok: false; exception: 1 | 2 | 3 };

type Layout = {
  readonly functionCodes: readonly number[];
  /** Registers that exist; those without a meaning here read zero, as they do on the devices. */
  readonly first: number;
  readonly last: number;
  readonly countMax: number;
  put(image: Image, facts: MeterFacts): void;
};

const mainsHz = 50;

/**
 * The meters' side of the register maps. Addresses and encodings are written down a second time
 * and not taken from the maps in src/devices: a mistake in one must not hide in the other.
 */
const layouts: Record<Exclude<RegisterMapName, 'contactor'>, Layout> = {
  sdm630: {
    functionCodes: [4],
    first: 0x0000,
    last: 0x0181,
    countMax: 80,
    put(image, facts) {
      for (const address of [0x0000, 0x0002, 0x0004]) image.float(address, facts.voltageV);
      image.float(0x0006, facts.powerW / facts.voltageV);
      image.float(0x0034, facts.powerW);
      image.float(0x0046, mainsHz);
      image.float(0x0048, kwh(facts.importWh));
      image.float(0x004a, kwh(facts.exportWh));
    },
  },
  iem3000: {
    functionCodes: [3],
    first: 0x0bb7,
    last: 0x0d00,
    countMax: 125,
    put(image, facts) {
      for (const address of [0x0bd3, 0x0bd5, 0x0bd7]) image.float(address, facts.voltageV);
      image.float(0x0bf3, facts.powerW / 1000);
      image.float(0x0c25, mainsHz);
      image.int64(0x0c83, facts.importWh);
      image.int64(0x0c87, facts.exportWh);
    },
  },
  em24: {
    functionCodes: [3, 4],
    first: 0x0000,
    last: 0x005f,
    countMax: 11,
    put(image, facts) {
      for (const address of [0x0000, 0x0002, 0x0004]) {
        image.int32LowFirst(address, Math.round(facts.voltageV * 10));
      }
      image.word(0x000b, 71); // a model number of the EM24 family
      image.int32LowFirst(0x0028, facts.powerW * 10);
      image.int32LowFirst(0x0034, Number(facts.importWh / 100n));
      image.int32LowFirst(0x004e, Number(facts.exportWh / 100n));
    },
  },
  int64Wh: {
    functionCodes: [3],
    first: 0x0000,
    last: 0x000a,
    countMax: 125,
    put(image, facts) {
      image.int64(0x0000, facts.importWh);
      image.int64(0x0004, facts.exportWh);
      image.word(0x0008, (facts.powerW >> 16) & 0xffff);
      image.word(0x0009, facts.powerW & 0xffff);
      image.word(0x000a, 0x4a42);
    },
  },
};

export function answerRegisters(
  mapName: RegisterMapName,
  request: { functionCode: number; address: number; count: number },
  facts: () => MeterFacts,
): RegisterAnswer {
  const { functionCode, address, count } = request;
  const layout = layoutOf(mapName);
  if (layout === null || !layout.functionCodes.includes(functionCode)) {
    return { ok: false, exception: 1 };
  }
  if (count < 1 || count > layout.countMax) return { ok: false, exception: 3 };
  if (address < layout.first || address + count - 1 > layout.last) {
    return { ok: false, exception: 2 };
  }
  const image = createImage(address, count);
  layout.put(image, facts());
  return { ok: true, bytes: image.bytes };
}

function layoutOf(mapName: RegisterMapName): Layout | null {
  switch (mapName) {
    case 'sdm630':
    case 'iem3000':
    case 'em24':
    case 'int64Wh':
      return layouts[mapName];
    case 'contactor':
      return null;
    default:
      return assertNever(mapName);
  }
}

/** Wh to float kWh as a meter does it: exact to binary64, then the nearest binary32. */
function kwh(energyWh: bigint): number {
  return Number(energyWh) / 1000;
}

type Image = {
  readonly bytes: Buffer;
  word(address: number, value: number): void;
  float(address: number, value: number): void;
  int64(address: number, value: bigint): void;
  int32LowFirst(address: number, value: number): void;
};

/** The window of registers that was asked for; what falls outside of it is dropped. */
function createImage(first: number, count: number): Image {
  const bytes = Buffer.alloc(count * 2);
  const scratch = Buffer.alloc(8);
  function word(address: number, value: number): void {
    const place = address - first;
    if (place >= 0 && place < count) bytes.writeUInt16BE(value & 0xffff, place * 2);
  }
  function words(address: number, wordCount: number): void {
    for (let at = 0; at < wordCount; at += 1) word(address + at, scratch.readUInt16BE(at * 2));
  }
  return {
    bytes,
    word,
    float(address, value) {
      scratch.writeFloatBE(value);
      words(address, 2);
    },
    int64(address, value) {
      scratch.writeBigInt64BE(value);
      words(address, 4);
    },
    int32LowFirst(address, value) {
      scratch.writeInt32BE(value);
      word(address, scratch.readUInt16BE(2));
      word(address + 1, scratch.readUInt16BE(0));
    },
  };
}
