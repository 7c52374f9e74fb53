export function fault(reading: any): unknown {
  return reading;
}
