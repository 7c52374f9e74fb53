export function faultJitterMs(): number {
  return Math.random() * 1_000;
}
