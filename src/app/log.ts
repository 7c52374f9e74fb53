import { pino } from 'pino';
import type { Logger } from 'pino';

/** Structured logs, one JSON line each. No readings, names, tokens or keys: ids and codes only. */
export function createLog(
  destination: { kind: 'stdout' } | { kind: 'file'; path: string },
): Logger {
  const options = {
    base: { service: 'joulebook' },
    redact: { paths: ['token', '*.token', 'password', '*.password', 'url'], remove: true },
  };
  return destination.kind === 'stdout'
    ? pino(options)
    : pino(options, pino.destination({ dest: destination.path, mkdir: true, sync: false }));
}
