import { assert, assertNever } from '../domain/assert.ts';
import { busCommandsQueuedMax, busOperationMsMax, busReadsQueuedMax } from './limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { breakerAfterFailure, breakerState, closedBreaker } from './breaker.ts';
import type { Breaker } from './breaker.ts';
import type { BusClock } from './busClock.ts';
import { createLine } from './busLine.ts';
import type { LineCounters, LineFailure } from './busLine.ts';
import type { BusAddress } from './busSession.ts';
import type { DecodeRefusal } from './codec.ts';
import {
  probeUnit,
  readCoilAgain,
  readRegisterAgain,
  readWithConfirmation,
} from './confirmedRead.ts';
import type { UnitLine } from './confirmedRead.ts';
import { planRead } from './readPlan.ts';
import { registerMaps } from './registerMaps.ts';
import type { RegisterMapName } from '../domain/registerMapName.ts';
import type { Channel, RegisterMap } from './registerMap.ts';

export type DeviceRead = {
  unitId: number;
  mapName: RegisterMapName;
  channels: readonly Channel[];
};
export type ReadSample = {
  channel: Channel;
  /** Wh, W or mV, as the channel's register says. */
  valueInUnit: bigint;
  readAtMs: number;
};
export type ReadRefusal =
  | LineFailure
  | DecodeRefusal
  | 'BREAKER_OPEN'
  | 'READS_DISAGREE'
  | 'IDENTITY_MISMATCH'
  | 'CHANNEL_NOT_IN_MAP';

export type BusStats = LineCounters & {
  connected: boolean;
  queuedReads: number;
  queuedCommands: number;
  /** Reads that were taken a second time because the line had been in doubt. */
  confirmations: number;
  disagreements: number;
  breakersOpen: readonly number[];
};

export type Bus = {
  read(device: DeviceRead): Promise<Outcome<readonly ReadSample[], ReadRefusal>>;
  writeCoil(
    unitId: number,
    coil: number,
    on: boolean,
  ): Promise<Outcome<{ acknowledgedAtMs: number }, ReadRefusal>>;
  readCoil(
    unitId: number,
    coil: number,
  ): Promise<Outcome<{ on: boolean; readAtMs: number }, ReadRefusal>>;
  /** One holding register of a contactor's unit, such as its limiter's. */
  writeRegister(
    unitId: number,
    address: number,
    value: number,
  ): Promise<Outcome<{ acknowledgedAtMs: number }, ReadRefusal>>;
  readRegister(
    unitId: number,
    address: number,
  ): Promise<Outcome<{ value: number; readAtMs: number }, ReadRefusal>>;
  stats(): BusStats;
  close(): Promise<void>;
};

export type BusOptions = {
  address: BusAddress;
  clock: BusClock;
  /** Silence between requests, where the line needs more (or a loopback less) than the default. */
  gapMs?: number;
  /** Longest response time of this line's devices, when it differs from their register maps'. */
  responseMsMax?: number;
  /** How many times faster than the clock the registers move; 1 on real meters. */
  registerPace?: number;
};

type Job = {
  readonly deadlineMs: number;
  perform(): Promise<void>;
  refuse(code: 'BUS_BUSY' | 'BUS_CLOSED', message: string): void;
};

type Unit = { breaker: Breaker; clearedEpoch: number };

/**
 * One session a bus: commands go ahead of reads, one request is in flight, and one dead unit costs
 * the others no more than its breaker lets it. Connects when first used and for ever after.
 */
export function openBus(options: BusOptions): Bus {
  const { clock } = options;
  const slowestMs = options.responseMsMax ?? 0;
  assert(slowestMs < busOperationMsMax, 'a device may answer within the time of an operation');
  const line = createLine(options);
  const units = new Map<number, Unit>();
  const tally = { confirmations: 0, disagreements: 0 };
  const queue = createQueue(clock);

  function unitOf(unitId: number): Unit {
    const known = units.get(unitId) ?? { breaker: closedBreaker, clearedEpoch: 0 };
    units.set(unitId, known);
    return known;
  }

  /** The breaker round one operation with one unit; after doubt the unit is probed first. */
  async function guarded<T>(
    device: { unitId: number; map: RegisterMap; deadlineMs: number },
    operate: (unitLine: UnitLine, doubtful: boolean) => Promise<Outcome<T, ReadRefusal>>,
  ): Promise<Outcome<T, ReadRefusal>> {
    const unit = unitOf(device.unitId);
    const state = breakerState(unit.breaker, clock.nowMs());
    if (state === 'open') return breakerRefusal(device.unitId, unit.breaker);
    const map =
      options.responseMsMax === undefined
        ? device.map
        : { ...device.map, responseMsMax: options.responseMsMax };
    const unitLine: UnitLine = { ...device, map, line, clock, pace: options.registerPace ?? 1 };
    const epochBefore = line.doubtEpoch();
    const doubtful = unit.clearedEpoch !== epochBefore || state === 'halfOpen';
    const probed = doubtful ? await probeUnit(unitLine) : accept(undefined);
    const outcome = probed.ok ? await operate(unitLine, doubtful) : probed;
    if (outcome.ok) {
      unit.breaker = closedBreaker;
      if (line.doubtEpoch() === epochBefore) unit.clearedEpoch = epochBefore;
    } else if (blamesUnit(outcome.code)) {
      const chance = { nowMs: clock.nowMs(), random: clock.random() };
      unit.breaker = breakerAfterFailure(unit.breaker, chance);
    }
    return outcome;
  }

  return {
    read({ unitId, mapName, channels }) {
      const map = registerMaps[mapName];
      const plan = planRead(map, channels);
      if (!plan.ok) return Promise.resolve(plan);
      return queue.enqueue('read', (deadlineMs) =>
        guarded({ unitId, map, deadlineMs }, (unitLine, doubtful) =>
          readWithConfirmation(unitLine, { plan: plan.value, doubtful, tally }),
        ),
      );
    },
    writeCoil(unitId, coil, on) {
      return queue.enqueue('command', (deadlineMs) =>
        guarded({ unitId, map: registerMaps.contactor, deadlineMs }, async ({ map }) => {
          const written = await line.request({
            ...map,
            unitId,
            deadlineMs,
            send: (session, slot) => session.writeCoil(slot, coil, on),
          });
          return written.ok ? accept({ acknowledgedAtMs: clock.nowMs() }) : written;
        }),
      );
    },
    readCoil(unitId, coil) {
      return queue.enqueue('command', (deadlineMs) =>
        guarded({ unitId, map: registerMaps.contactor, deadlineMs }, (unitLine, doubtful) =>
          readCoilAgain(unitLine, { coil, doubtful, tally }),
        ),
      );
    },
    writeRegister(unitId, address, value) {
      return queue.enqueue('command', (deadlineMs) =>
        guarded({ unitId, map: registerMaps.contactor, deadlineMs }, async ({ map }) => {
          const written = await line.request({
            ...map,
            unitId,
            deadlineMs,
            send: (session, slot) => session.writeRegister(slot, address, value),
          });
          return written.ok ? accept({ acknowledgedAtMs: clock.nowMs() }) : written;
        }),
      );
    },
    readRegister(unitId, address) {
      return queue.enqueue('command', (deadlineMs) =>
        guarded({ unitId, map: registerMaps.contactor, deadlineMs }, (unitLine, doubtful) =>
          readRegisterAgain(unitLine, { address, doubtful, tally }),
        ),
      );
    },
    stats: () => ({
      ...line.counters(),
      ...queue.lengths(),
      ...tally,
      connected: line.isConnected(),
      breakersOpen: [...units]
        .filter(([, unit]) => breakerState(unit.breaker, clock.nowMs()) === 'open')
        .map(([unitId]) => unitId),
    }),
    async close() {
      queue.close();
      line.close();
      await queue.idle();
    },
  };
}

/** Two lanes, one worker: a command never waits behind more than the read in flight. */
function createQueue(clock: BusClock) {
  const lanes = { read: new Array<Job>(), command: new Array<Job>() };
  const lengthMax = { read: busReadsQueuedMax, command: busCommandsQueuedMax };
  let closed = false;
  let draining: Promise<void> | null = null;

  async function drain(): Promise<void> {
    for (;;) {
      const job = lanes.command.shift() ?? lanes.read.shift();
      if (job === undefined) break;
      if (closed) job.refuse('BUS_CLOSED', 'The bus is closed; nothing was sent.');
      else if (clock.nowMs() >= job.deadlineMs) {
        job.refuse('BUS_BUSY', 'The bus did not get to this in time. Poll it less often.');
      } else await job.perform();
    }
    draining = null;
  }

  return {
    enqueue<T>(
      lane: 'read' | 'command',
      operate: (deadlineMs: number) => Promise<Outcome<T, ReadRefusal>>,
    ): Promise<Outcome<T, ReadRefusal>> {
      if (closed) return Promise.resolve(refuse('BUS_CLOSED', 'The bus is closed.'));
      if (lanes[lane].length >= lengthMax[lane]) {
        const full = `${lengthMax[lane]} ${lane}s already wait for this bus. Poll it less often.`;
        return Promise.resolve(refuse('BUS_BUSY', full));
      }
      return new Promise((resolve, reject) => {
        const deadlineMs = clock.nowMs() + busOperationMsMax;
        lanes[lane].push({
          deadlineMs,
          perform: () => operate(deadlineMs).then(resolve, reject),
          refuse: (code, message) => resolve(refuse(code, message)),
        });
        draining ??= drain();
      });
    },
    lengths: () => ({ queuedReads: lanes.read.length, queuedCommands: lanes.command.length }),
    close() {
      closed = true;
    },
    idle: async () => {
      await draining;
    },
  };
}

/** What counts against a unit: an answer, even a refusal or a sentinel, shows that it lives. */
function blamesUnit(code: ReadRefusal): boolean {
  switch (code) {
    case 'DEVICE_TIMEOUT':
    case 'DEVICE_CLOSED':
    case 'DEVICE_GARBAGE':
    case 'GATEWAY_EXCEPTION':
    case 'IDENTITY_MISMATCH':
      return true;
    case 'DEVICE_EXCEPTION':
    case 'VALUE_SENTINEL':
    case 'VALUE_IMPLAUSIBLE':
    case 'READS_DISAGREE':
    case 'BUS_UNREACHABLE':
    case 'BUS_CLOSED':
    case 'BUS_BUSY':
    case 'BREAKER_OPEN':
    case 'CHANNEL_NOT_IN_MAP':
      return false;
    default:
      return assertNever(code);
  }
}

function breakerRefusal(
  unitId: number,
  breaker: Breaker,
): ReturnType<typeof refuse<'BREAKER_OPEN'>> {
  const until = new Date(breaker.openUntilMs).toISOString();
  return refuse(
    'BREAKER_OPEN',
    `Unit ${unitId} failed ${breaker.failuresInRow} times in a row and is left alone until ` +
      `${until}. Check its power and wiring; it is tried again by itself.`,
  );
}
