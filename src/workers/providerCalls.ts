import { askProviders } from '../operations/topUps/askProviders.ts';
import type { ChargeDeps } from '../operations/topUps/chargeCall.ts';

export type ProviderCalls = {
  /** There is something to ask for: a ring during a round makes another one. */
  ring(): void;
  stop(): Promise<void>;
};

/**
 * Asks payment providers beside the sweeps, which must not wait for another system. It is rung
 * after a commit, and by the sweep for what a lost bell would have told.
 */
export function startProviderCalls(
  deps: ChargeDeps & { readonly onProblem: (error: unknown) => void },
): ProviderCalls {
  let running: Promise<void> | null = null;
  let isRung = false;
  let isStopped = false;
  const work = async (): Promise<void> => {
    while (isRung && !isStopped) {
      isRung = false;
      try {
        await askProviders(deps);
      } catch (error) {
        deps.onProblem(error);
      }
    }
    running = null;
  };
  return {
    ring() {
      isRung = true;
      if (!isStopped) running ??= work();
    },
    async stop() {
      isStopped = true;
      await running;
    },
  };
}
