import { vi } from 'vitest';

/** Until it holds; so long that no busy machine is told as a fault. */
export function eventually<T>(holds: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(holds, { timeout: 120_000, interval: 20 });
}
