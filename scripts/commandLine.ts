/** What parseArgs says of a mistake, as one sentence: without its advice about `--`. */
export function argumentRefusal(error: unknown, usage: string): string {
  const text = error instanceof Error ? error.message : String(error);
  const [what] = text.split(/\.\s/);
  return `ARGUMENT_UNKNOWN: ${what.replace(/\.$/, '')}; usage: ${usage}`;
}
