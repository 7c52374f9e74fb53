export function fault(watts: readonly (number | undefined)[]): number {
  return watts[0]!;
}
