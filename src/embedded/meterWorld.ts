import { z } from 'zod';
import { assert } from '../domain/assert.ts';
import type { RegisterMapName } from '../domain/registerMapName.ts';
import { chance, householdLoad, integrateMj, loadSlotMs } from './meterWorldLoad.ts';
import type { LoadShape } from './meterWorldLoad.ts';
import { answerRegisters } from './meterWorldRegisters.ts';
import type { MeterFacts } from './meterWorldRegisters.ts';
import { exceptionPdu, startSimulatedBus } from './meterWorldServer.ts';
import type { MeterFault, SimulatedBus, SimulatedUnit } from './meterWorldServer.ts';

type MeterMapName = Exclude<RegisterMapName, 'contactor'>;

export type MeterWorldOptions = {
  meters: number;
  metersPerBus: number;
  seed: number;
  clock: { nowMs(): number };
  /** Energy runs this many times faster than the power shown would make it; a whole number. */
  timeScale: number;
  /** What `snapshot()` gave at the end of an earlier run: registers and contactors go on there. */
  startState?: unknown;
  ports?: 'ephemeral' | { first: number };
  /** `driven`: registers and power move only when told to (replays). */
  loadShape?: 'household' | 'driven';
  /** Meter models in turn. */
  mapNames?: readonly MeterMapName[];
  /** The households' own zone: their evening is its evening. */
  timeZone?: string;
};

export type SimulatedMeter = {
  unitId: number;
  mapName: RegisterMapName;
  contactorUnitId: number;
  serial: string;
};

export type MeterWorld = {
  buses: readonly { host: string; port: number; meters: readonly SimulatedMeter[] }[];
  /** `unitId` is a meter's or a contactor's. */
  setFault(busIndex: number, unitId: number, fault: MeterFault | null): void;
  /** The import register from here on; driven meters stand still until the next call. */
  setRegisterWh(busIndex: number, unitId: number, importWh: bigint): void;
  setPowerW(busIndex: number, unitId: number, powerW: number): void;
  registerWh(busIndex: number, unitId: number): bigint;
  isSupplyClosed(busIndex: number, unitId: number): boolean;
  /** The most that its limiter lets through, in W; 0: no limit. */
  limitW(busIndex: number, unitId: number): number;
  snapshot(): unknown;
  close(): Promise<void>;
};

const host = '127.0.0.1';
/** The contactor of meter n is unit 100 + n; Modbus units end at 247. */
const contactorUnitOffset = 100;
const metersPerBusMax = 99;
/** Five minutes, domain rule 71. */
const limiterTripMs = 300_000;
const mjPerWh = 3_600_000n;

type Meter = SimulatedMeter & {
  readonly index: number;
  importMj: bigint;
  exportMj: bigint;
  updatedAtMs: number;
  supplyClosed: boolean;
  drivenPowerW: number;
  limitW: number;
  /** Since when a driven load is above the limit. */
  overSinceMs: number | null;
};

const snapshotShape = z.object({
  version: z.literal(1),
  meters: z.array(
    z.object({
      serial: z.string(),
      importMj: z.string().regex(/^\d{1,30}$/),
      exportMj: z.string().regex(/^\d{1,30}$/),
      supplyClosed: z.boolean(),
      limitW: z.int().min(0).default(0),
    }),
  ),
});

/** Simulated meters behind real Modbus TCP servers on loopback, each with its contactor. */
export async function startMeterWorld(options: MeterWorldOptions): Promise<MeterWorld> {
  const { metersPerBus, clock } = options;
  assert(Number.isSafeInteger(options.timeScale) && options.timeScale >= 0, 'timeScale is whole');
  assert(metersPerBus >= 1 && metersPerBus <= metersPerBusMax, 'unit ids end at 247');
  const load = options.loadShape === 'driven' ? null : createLoad(options);
  const meters = createMeters(options);
  const busMeters: Meter[][] = [];
  for (let at = 0; at < meters.length; at += metersPerBus) {
    busMeters.push(meters.slice(at, at + metersPerBus));
  }
  const context = { load, clock, timeScale: options.timeScale };
  const busUnits = busMeters.map((ones) => unitsOf(ones, context));
  const servers = await startAll(busUnits, options.ports ?? 'ephemeral');

  function meterOf(busIndex: number, unitId: number): Meter {
    const meter = busMeters[busIndex]?.find((one) => one.unitId === unitId);
    assert(meter !== undefined, `bus ${busIndex} has a meter with unit id ${unitId}`);
    advance(meter, context);
    return meter;
  }

  return {
    buses: servers.map((server, index) => ({
      host,
      port: server.port,
      meters: (busMeters[index] ?? []).map(({ unitId, mapName, contactorUnitId, serial }) => ({
        unitId,
        mapName,
        contactorUnitId,
        serial,
      })),
    })),
    setFault(busIndex, unitId, fault) {
      const unit = busUnits[busIndex]?.get(unitId);
      assert(unit !== undefined, `bus ${busIndex} has a unit ${unitId}`);
      unit.fault = fault;
      if (fault?.kind !== 'stale') unit.withheld = null;
    },
    setRegisterWh(busIndex, unitId, importWh) {
      meterOf(busIndex, unitId).importMj = importWh * mjPerWh;
    },
    setPowerW(busIndex, unitId, powerW) {
      const meter = meterOf(busIndex, unitId);
      meter.drivenPowerW = powerW;
      noteOver(meter, clock.nowMs());
    },
    registerWh: (busIndex, unitId) => meterOf(busIndex, unitId).importMj / mjPerWh,
    isSupplyClosed: (busIndex, unitId) => meterOf(busIndex, unitId).supplyClosed,
    limitW: (busIndex, unitId) => meterOf(busIndex, unitId).limitW,
    snapshot() {
      for (const meter of meters) advance(meter, context);
      return {
        version: 1,
        meters: meters.map(({ serial, importMj, exportMj, supplyClosed, limitW }) => ({
          serial,
          importMj: importMj.toString(),
          exportMj: exportMj.toString(),
          supplyClosed,
          limitW,
        })),
      };
    },
    async close() {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

function createLoad({ seed, timeZone = 'UTC' }: MeterWorldOptions): LoadShape {
  return householdLoad({ seed, timeZone });
}

function createMeters(options: MeterWorldOptions): readonly Meter[] {
  const { seed, metersPerBus, mapNames = ['sdm630', 'iem3000', 'em24'] } = options;
  const remembered = rememberedMeters(options.startState);
  const nowMs = options.clock.nowMs();
  return Array.from({ length: options.meters }, (_, index): Meter => {
    const unitId = (index % metersPerBus) + 1;
    const serial = `JB${String(index + 1).padStart(6, '0')}`;
    const earlier = remembered.get(serial);
    // Meters that have been in use: 500 to 40,000 kWh, to the Wh; driven ones start from zero.
    const usedWh = BigInt(500_000 + Math.floor(chance(seed, index, 0x0d0) * 39_500_000));
    const firstWh = options.loadShape === 'driven' ? 0n : usedWh;
    return {
      index,
      unitId,
      serial,
      mapName: mapNames[index % mapNames.length] ?? 'sdm630',
      contactorUnitId: contactorUnitOffset + unitId,
      importMj: earlier === undefined ? firstWh * mjPerWh : BigInt(earlier.importMj),
      exportMj: earlier === undefined ? 0n : BigInt(earlier.exportMj),
      updatedAtMs: nowMs,
      supplyClosed: earlier?.supplyClosed ?? true,
      drivenPowerW: 0,
      limitW: earlier?.limitW ?? 0,
      overSinceMs: null,
    };
  });
}

function rememberedMeters(startState: unknown) {
  if (startState === undefined || startState === null) return new Map<string, never>();
  const parsed = snapshotShape.safeParse(startState);
  if (!parsed.success) {
    throw new Error(
      'METER_WORLD_STATE_MALFORMED: the saved registers of the simulated meters cannot be read. ' +
        'Restore the file or start with --ephemeral.',
    );
  }
  return new Map(parsed.data.meters.map((meter) => [meter.serial, meter]));
}

type Context = {
  readonly load: LoadShape | null;
  readonly clock: { nowMs(): number };
  readonly timeScale: number;
};

/** Brings the registers up to now. Nothing ticks: a meter that nobody reads costs nothing. */
function advance(meter: Meter, { load, clock, timeScale }: Context): void {
  const nowMs = Math.floor(clock.nowMs());
  if (nowMs <= meter.updatedAtMs) return; // a clock that steps back stops a register, no more
  if (load !== null && meter.supplyClosed) {
    const span = { meterIndex: meter.index, fromMs: meter.updatedAtMs, toMs: nowMs };
    meter.importMj += integrateMj(limitedLoad(load, meter), span) * BigInt(timeScale);
  }
  meter.updatedAtMs = nowMs;
}

/** A household switches off what is too much; a driven load goes on until the limiter trips. */
function limitedLoad(load: LoadShape, { limitW }: Meter): LoadShape {
  if (limitW === 0) return load;
  return { powerW: (index, slot) => Math.min(load.powerW(index, slot), limitW) };
}

function noteOver(meter: Meter, nowMs: number): void {
  const isOver = meter.limitW > 0 && meter.drivenPowerW > meter.limitW;
  meter.overSinceMs = isOver ? (meter.overSinceMs ?? nowMs) : null;
}

/** After minutes of too much nothing flows until the limiter is set again. */
function isTripped({ overSinceMs }: Meter, nowMs: number): boolean {
  return overSinceMs !== null && nowMs - overSinceMs > limiterTripMs;
}

function factsOf(meter: Meter, context: Context): MeterFacts {
  advance(meter, context);
  const slot = Math.floor(meter.updatedAtMs / loadSlotMs);
  const load = context.load === null ? null : limitedLoad(context.load, meter);
  const drivenW = isTripped(meter, context.clock.nowMs()) ? 0 : meter.drivenPowerW;
  const drawnW = load?.powerW(meter.index, slot) ?? drivenW;
  return {
    importWh: meter.importMj / mjPerWh,
    exportWh: meter.exportMj / mjPerWh,
    powerW: meter.supplyClosed ? drawnW : 0,
    voltageV: 230,
  };
}

function unitsOf(meters: readonly Meter[], context: Context): Map<number, SimulatedUnit> {
  const units = new Map<number, SimulatedUnit>();
  for (const meter of meters) {
    units.set(meter.unitId, {
      fault: null,
      withheld: null,
      answer: (pdu) => answerMeter(meter, pdu, context),
    });
    units.set(meter.contactorUnitId, {
      fault: null,
      withheld: null,
      answer: (pdu) => answerContactor(meter, pdu, context),
    });
  }
  return units;
}

function answerMeter(meter: Meter, pdu: Buffer, context: Context): Buffer {
  if (pdu.length !== 5) return exceptionPdu(pdu, pdu[0] === 3 || pdu[0] === 4 ? 3 : 1);
  const functionCode = pdu.readUInt8(0);
  const request = { functionCode, address: pdu.readUInt16BE(1), count: pdu.readUInt16BE(3) };
  const answer = answerRegisters(meter.mapName, request, () => factsOf(meter, context));
  if (!answer.ok) return exceptionPdu(pdu, answer.exception);
  return Buffer.concat([Buffer.from([functionCode, answer.bytes.length]), answer.bytes]);
}

/** One holding register, address 0: the most that may flow, in W; 0 is no limit. */
function answerLimiter(meter: Meter, pdu: Buffer, context: Context): Buffer {
  if (pdu.length !== 5) return exceptionPdu(pdu, 3);
  if (pdu.readUInt16BE(1) !== 0) return exceptionPdu(pdu, 2);
  const value = pdu.readUInt16BE(3);
  if (pdu[0] === 3) {
    if (value !== 1) return exceptionPdu(pdu, 2);
    return Buffer.from([3, 2, meter.limitW >> 8, meter.limitW & 0xff]);
  }
  advance(meter, context);
  meter.limitW = value;
  meter.overSinceMs = null;
  noteOver(meter, context.clock.nowMs());
  return Buffer.from(pdu);
}

/** One coil, address 0: set while the supply is closed. */
function answerContactor(meter: Meter, pdu: Buffer, context: Context): Buffer {
  const functionCode = pdu[0];
  if (functionCode === 3 || functionCode === 6) return answerLimiter(meter, pdu, context);
  if (functionCode !== 1 && functionCode !== 5) return exceptionPdu(pdu, 1);
  if (pdu.length !== 5) return exceptionPdu(pdu, 3);
  if (pdu.readUInt16BE(1) !== 0) return exceptionPdu(pdu, 2);
  const value = pdu.readUInt16BE(3);
  if (functionCode === 1) {
    return value === 1 ? Buffer.from([1, 1, meter.supplyClosed ? 1 : 0]) : exceptionPdu(pdu, 2);
  }
  if (value !== 0xff00 && value !== 0x0000) return exceptionPdu(pdu, 3);
  advance(meter, context);
  meter.supplyClosed = value === 0xff00;
  return Buffer.from(pdu);
}

/** All servers or none: when a port is taken, those already listening are closed again. */
async function startAll(
  busUnits: readonly ReadonlyMap<number, SimulatedUnit>[],
  ports: 'ephemeral' | { first: number },
): Promise<readonly SimulatedBus[]> {
  const started: SimulatedBus[] = [];
  try {
    for (const [index, units] of busUnits.entries()) {
      const port = ports === 'ephemeral' ? 0 : ports.first + index;
      started.push(await startSimulatedBus({ host, port, units }));
    }
  } catch (error) {
    await Promise.all(started.map((server) => server.close()));
    throw error;
  }
  return started;
}
