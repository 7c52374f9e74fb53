/** What a meter's own event log tells, as a small integer on the wire and in tables. */
export const powerOutage = 1;
export const phaseSequenceError = 2;
export const clockSet = 3;
export const coverOpened = 4;
export const voltageRestored = 5;

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
