import { sealSweepMs } from '../domain/sealLimits.ts';
import { sealRows } from '../operations/seal/sealRows.ts';
import type { SealDeps } from '../operations/seal/sealRows.ts';
import { tellAudit } from '../operations/seal/tellAudit.ts';
import { watchServer } from '../operations/restore/watchServer.ts';
import type { SeenFile } from '../operations/restore/watchServer.ts';
import type { AuditFile } from '../operations/seal/outside.ts';

export type SealerDeps = SealDeps & {
  readonly auditFile: AuditFile;
  readonly seenFile: SeenFile;
  /** Nothing more is sealed until somebody has looked. */
  onObstacle(code: string, message: string): void;
  onProblem(error: unknown): void;
};

async function pass(deps: SealerDeps): Promise<void> {
  const { restored } = await watchServer(deps);
  if (restored !== null) {
    const message = `The database shows ${restored}: nobody is cut until it is reconciled.`;
    deps.onObstacle('DATABASE_RESTORED', `${message} Run ems-cli restore reconcile.`);
    return;
  }
  for (;;) {
    const sealed = await sealRows(deps);
    if (!sealed.ok) {
      if (sealed.code !== 'SEAL_BUSY') deps.onObstacle(sealed.code, sealed.message);
      return;
    }
    await tellAudit({ sql: deps.sql, file: deps.auditFile });
    if (!sealed.value.hasMore) return;
  }
}

/**
 * Seals on a beat of its own and not by the queue, because only a process that has the key can.
 * Of several one seals at a time.
 */
export function startSealer(deps: SealerDeps): { stop(): Promise<void> } {
  let running: Promise<void> = Promise.resolve();
  let isFree = true;
  const beat = (): void => {
    if (!isFree) return;
    isFree = false;
    running = pass(deps)
      .catch((error: unknown) => deps.onProblem(error))
      .finally(() => {
        isFree = true;
      });
  };
  const timer = setInterval(beat, sealSweepMs);
  beat();
  return {
    stop: () => {
      clearInterval(timer);
      return running;
    },
  };
}
