const progressMs = 1_000;

/** Lines to stderr while a person waits, one a second at most; none for a script. */
export function progressLines(isSilent: boolean): (line: string) => void {
  let toldMs = -Infinity;
  return (line) => {
    const nowMs = performance.now();
    if (isSilent || nowMs - toldMs < progressMs) return;
    toldMs = nowMs;
    process.stderr.write(`${line}\n`);
  };
}
