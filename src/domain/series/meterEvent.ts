/** What a meter's own event log tells, as a small integer on the wire and in tables. */
export const powerOutage = 1;
export const phaseSequenceError = 2;
export const clockSet = 3;
export const coverOpened = 4;
export const voltageRestored = 5;

export type MeterEventCode =
  | typeof powerOutage
  | typeof phaseSequenceError
  | typeof clockSet
  | typeof coverOpened
  | typeof voltageRestored;
