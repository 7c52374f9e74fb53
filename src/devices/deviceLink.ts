import { openSupplyPowerWMax, switchVerifyMsMax, switchVerifyPollMs } from './limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { BusClock } from './busClock.ts';
import type { Bus, DeviceRead, ReadRefusal } from './modbusBus.ts';

/** A supply's switch: the contactor's coil (on = supply closed) and the meter behind it. */
export type SupplySwitch = {
  readonly bus: Bus;
  readonly contactor: { readonly unitId: number; readonly coil: number };
  readonly meter: DeviceRead;
  /** true connects the supply, false disconnects it. */
  readonly close: boolean;
};

/** A supply's limiter: a register of its contactor's unit with the most that may flow, in W. */
export type SupplyLimiter = {
  readonly bus: Bus;
  readonly unitId: number;
  readonly register: number;
  /** 0: no limit. */
  readonly limitW: number;
};

export type VerifyRefusal =
  | ReadRefusal
  | 'COIL_DISAGREES'
  | 'POWER_STILL_FLOWS'
  | 'LIMIT_DISAGREES';

/** First step: the contactor repeats the order. That it has heard it is all this says. */
export function writeSwitch(
  supply: SupplySwitch,
): Promise<Outcome<{ acknowledgedAtMs: number }, ReadRefusal>> {
  return supply.bus.writeCoil(supply.contactor.unitId, supply.contactor.coil, supply.close);
}

/**
 * Second step: the coil reads back as wanted and, for a disconnection, the meter sees the power
 * gone, twice in a row because one zero may be a moment between two loads. A connected supply needs
 * no power to be proven: nobody may be using any. Failed reads are repeated until the deadline.
 */
export async function verifySwitch(
  supply: SupplySwitch,
  options: { clock: BusClock; verifyMsMax?: number; pollMs?: number },
): Promise<Outcome<{ verifiedAtMs: number; powerW: bigint | null }, VerifyRefusal>> {
  const { clock, verifyMsMax = switchVerifyMsMax, pollMs = switchVerifyPollMs } = options;
  const deadlineMs = clock.nowMs() + verifyMsMax;
  let calmReads = 0;
  for (;;) {
    const seen = await observeSwitch(supply);
    calmReads = seen.ok ? calmReads + 1 : 0;
    if (seen.ok && (supply.close || calmReads >= 2)) {
      return accept({ verifiedAtMs: clock.nowMs(), powerW: seen.value });
    }
    if (clock.nowMs() + pollMs > deadlineMs) {
      return seen.ok
        ? refuse('POWER_STILL_FLOWS', 'The power was zero only once before the deadline.')
        : seen;
    }
    await clock.sleep(pollMs);
  }
}

export function writeLimit(
  limiter: SupplyLimiter,
): Promise<Outcome<{ acknowledgedAtMs: number }, ReadRefusal>> {
  return limiter.bus.writeRegister(limiter.unitId, limiter.register, limiter.limitW);
}

/**
 * The limiter reads back as it was set. What flows then is watched from reading to reading: a
 * limiter lets more through for some minutes before it trips.
 */
export async function verifyLimit(
  limiter: SupplyLimiter,
): Promise<Outcome<{ verifiedAtMs: number; powerW: null }, VerifyRefusal>> {
  const { bus, unitId, register, limitW } = limiter;
  const read = await bus.readRegister(unitId, register);
  if (!read.ok) return read;
  if (read.value.value !== limitW) {
    const told = `The limiter of unit ${unitId} stands at ${read.value.value} W, not ${limitW} W.`;
    return refuse('LIMIT_DISAGREES', told);
  }
  return accept({ verifiedAtMs: read.value.readAtMs, powerW: null });
}

/** The power read, or null where none is needed; a refusal says what is not yet as wanted. */
async function observeSwitch(supply: SupplySwitch): Promise<Outcome<bigint | null, VerifyRefusal>> {
  const { bus, contactor, meter, close } = supply;
  const coil = await bus.readCoil(contactor.unitId, contactor.coil);
  if (!coil.ok) return coil;
  if (coil.value.on !== close) {
    return refuse(
      'COIL_DISAGREES',
      `The contactor ${contactor.unitId} still stands ${coil.value.on ? 'closed' : 'open'}.`,
    );
  }
  if (close) return accept(null);
  const read = await bus.read({ ...meter, channels: ['16.7.0'] });
  if (!read.ok) return read;
  const powerW = read.value.find((sample) => sample.channel === '16.7.0')?.valueInUnit ?? null;
  if (powerW === null || powerW > openSupplyPowerWMax || powerW < -openSupplyPowerWMax) {
    return refuse(
      'POWER_STILL_FLOWS',
      `Meter unit ${meter.unitId} still sees ${powerW} W behind the open contactor. ` +
        `Check for a second feed or welded contacts.`,
    );
  }
  return accept(powerW);
}
