export function faultNow(): Date {
  return new Date();
}
