import { setTimeout as sleepFor } from 'node:timers/promises';

/** Time and chance as the bus sees them. Tests bring their own. */
export type BusClock = {
  nowMs(): number;
  /** Rejects when the signal aborts; a clock that ignores the signal only holds timers longer. */
  sleep(ms: number, signal?: AbortSignal): Promise<unknown>;
  /** In [0, 1): spreads reconnects and retries. */
  random(): number;
};

export function systemBusClock(): BusClock {
  return {
    nowMs: () => Date.now(),
    sleep: (ms, signal) => sleepFor(ms, undefined, signal === undefined ? {} : { signal }),
    random: () => Math.random(),
  };
}

/** Sleeps until the time is over or the signal aborts, whichever comes first; never rejects. */
export async function pause(clock: BusClock, ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return;
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
