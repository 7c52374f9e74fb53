/** Manuals and word processors turn `--` into one en or em dash; a pasted command means `--`. */
const longOption = /^[–—]-?([a-z][a-z-]+(?:=.*)?)$/s;
const shortOption = /^[–—]([a-zA-Z])$/;

/** Only whole words that look like an option are touched: a value may begin with a dash. */
export function plainDashes(argv: readonly string[]): string[] {
  return argv.map((word) => word.replace(longOption, '--$1').replace(shortOption, '-$1'));
}
