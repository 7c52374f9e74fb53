const progressMs = 1_000;

/** Lines to stderr while a person waits, one a second at most, and the last; none for a script. */
export function progressLines(isSilent: boolean): (line: string, isLast?: boolean) => void {
  let toldMs = -Infinity;
  return (line, isLast = false) => {
    const nowMs = performance.now();
    if (isSilent || (!isLast && nowMs - toldMs < progressMs)) return;
    toldMs = nowMs;
    process.stderr.write(`${line}\n`);
  };
}
