/** One waiting loop and those who wake it: many rings before it looks are one. */
export type BellRope = {
  ring(): void;
  /** Until the next ring, or so long; a ring since the last wait ends it at once. */
  wait(waitMsMax: number): Promise<void>;
};

export function createBellRope(): BellRope {
  let isRung = false;
  let wakeUp: (() => void) | null = null;
  return {
    ring() {
      isRung = true;
      wakeUp?.();
    },
    async wait(waitMsMax) {
      if (!isRung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMsMax);
          wakeUp = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wakeUp = null;
      }
      isRung = false;
    },
  };
}
