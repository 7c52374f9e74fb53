type Closer = { readonly name: string; readonly close: () => Promise<void> | void };

/** One part that will not end must not keep the others alive. */
const closeMsMax = 10_000;

/** What was started, to be stopped in the opposite order. */
export type Closing = {
  add(name: string, close: () => Promise<void> | void): void;
  /** Returns what the parts that did not stop by themselves have to say. */
  closeAll(): Promise<readonly string[]>;
};

async function closeOne({ name, close }: Closer): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => {
      resolve(`${name}: still running after ${closeMsMax / 1000} s`);
    }, closeMsMax);
  });
  try {
    return await Promise.race([Promise.resolve(close()).then(() => null), late]);
  } catch (error) {
    return `${name}: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

export function createClosing(): Closing {
  const closers: Closer[] = [];
  const run = async (): Promise<readonly string[]> => {
    const problems: string[] = [];
    for (;;) {
      const closer = closers.pop();
      if (closer === undefined) return problems;
      const problem = await closeOne(closer);
      if (problem !== null) problems.push(problem);
    }
  };
  return {
    add: (name, close) => closers.push({ name, close }),
    closeAll: run,
  };
}
