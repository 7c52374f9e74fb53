export function faultNowMs(): number {
  return Date.now();
}
