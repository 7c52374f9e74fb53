import type { BusClock } from '../devices/busClock.ts';
import { verifyLimit, verifySwitch, writeLimit, writeSwitch } from '../devices/deviceLink.ts';
import type { SupplyLimiter, SupplySwitch, VerifyRefusal } from '../devices/deviceLink.ts';
import type { Bus } from '../devices/modbusBus.ts';
import { isRegisterMapName } from '../domain/registerMapName.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { CommandLink, SwitchTarget } from '../operations/sendCommand.ts';

export type CommandLinkOptions = {
  /** The session of a bus that this process owns. */
  busOf(busId: number): Bus | undefined;
  readonly clock: BusClock;
  /** Longest wait for the power behind a cut to fall; the device's own default when absent. */
  readonly verifyMsMax?: number;
};

type LinkCode = VerifyRefusal | 'BUS_NOT_HERE' | 'MAP_UNKNOWN' | 'NO_LIMITER';

/** Commands leave over the same session that reads the bus, so that they never meet on the line. */
export function createCommandLink(options: CommandLinkOptions): CommandLink {
  const { clock, verifyMsMax } = options;

  function switchOf(target: SwitchTarget, close: boolean): Outcome<SupplySwitch, LinkCode> {
    const { busId, mapName, unitId } = target;
    const bus = options.busOf(busId);
    if (bus === undefined) {
      return refuse('BUS_NOT_HERE', `Bus ${busId} is not polled by this process.`);
    }
    if (!isRegisterMapName(mapName)) {
      return refuse('MAP_UNKNOWN', `There is no register map "${mapName}". Correct the meter.`);
    }
    const contactor = { unitId: target.contactorUnitId, coil: target.contactorCoil };
    return accept({ bus, contactor, meter: { unitId, mapName, channels: ['16.7.0'] }, close });
  }

  function limiterOf(target: SwitchTarget, limitW: number): Outcome<SupplyLimiter, LinkCode> {
    const { busId, contactorUnitId: unitId, limiterRegister: register } = target;
    const bus = options.busOf(busId);
    if (bus === undefined) {
      return refuse('BUS_NOT_HERE', `Bus ${busId} is not polled by this process.`);
    }
    if (register === null) {
      return refuse('NO_LIMITER', `The contactor of meter ${target.meterId} limits nothing.`);
    }
    return accept({ bus, unitId, register, limitW });
  }

  return {
    async writeLimit(target, limitW) {
      const limiter = limiterOf(target, limitW);
      return limiter.ok ? writeLimit(limiter.value) : limiter;
    },
    async verifyLimit(target, limitW) {
      const limiter = limiterOf(target, limitW);
      return limiter.ok ? verifyLimit(limiter.value) : limiter;
    },
    async writeSwitch(target, on) {
      const supply = switchOf(target, on);
      return supply.ok ? writeSwitch(supply.value) : supply;
    },
    async verifySwitch(target, on) {
      const supply = switchOf(target, on);
      if (!supply.ok) return supply;
      return verifySwitch(supply.value, {
        clock,
        ...(verifyMsMax !== undefined && { verifyMsMax }),
      });
    },
  };
}
