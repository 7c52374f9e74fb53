export function fault(raw: unknown): number {
  return raw as number;
}
