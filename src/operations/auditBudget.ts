/** Whether one more refusal about this may stand in the audit; asked once of each. */
export type AuditBudget<Key> = (about: Key) => boolean;

/** So many rows about each in a minute of the clock; the rest is somebody's noise. */
export function createAuditBudget<Key extends string | number>(
  nowMs: () => number,
  rowsPerMinuteMax: number,
): AuditBudget<Key> {
  let minute = -1;
  const counts = new Map<Key, number>();
  return (about) => {
    const present = Math.floor(nowMs() / 60_000);
    if (present !== minute) {
      minute = present;
      counts.clear();
    }
    const count = (counts.get(about) ?? 0) + 1;
    counts.set(about, count);
    return count <= rowsPerMinuteMax;
  };
}
