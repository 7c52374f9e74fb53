import {
  clockSet,
  coverOpened,
  phaseSequenceError,
  powerOutage,
  voltageRestored,
} from './meterEvent.ts';

const names: ReadonlyMap<number, string> = new Map([
  [powerOutage, 'POWER_OUTAGE'],
  [phaseSequenceError, 'PHASE_SEQUENCE_ERROR'],
  [clockSet, 'CLOCK_SET'],
  [coverOpened, 'COVER_OPENED'],
  [voltageRestored, 'VOLTAGE_RESTORED'],
]);

/** A line of a meter's log for people. Meters of other makes may send what nobody has named. */
export function meterEventName(code: number): string {
  return names.get(code) ?? 'UNKNOWN';
}
