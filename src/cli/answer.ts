import type { Outcome, Refused } from '../domain/outcome.ts';

/** What a command found or did: a sentence for people, the same facts for scripts. */
export type Told = {
  readonly sentence: string;
  readonly facts: { readonly [name: string]: unknown };
};

export type Answer = Outcome<Told, string>;

/** 0 done; 1 refused; 2 called wrongly. */
export const exitCodes = { done: 0, refused: 1, misused: 2 } as const;

export class Misused extends Error {
  readonly code = 'COMMAND_MISUSED';
}

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function lineOf(value: object): string {
  return `${JSON.stringify(value, plain)}\n`;
}

export function tellRefusal({ code, message, path }: Refused<string>, isJson: boolean): void {
  const refusal = { ok: false, code, message, ...(path === undefined ? {} : { path }) };
  if (isJson) process.stdout.write(lineOf(refusal));
  else process.stderr.write(`${code}: ${message}\n`);
}

/** Prints an answer and says with which code the process ends. */
export function tell(answer: Answer, isJson: boolean): number {
  if (!answer.ok) {
    tellRefusal(answer, isJson);
    return exitCodes.refused;
  }
  const { sentence, facts } = answer.value;
  process.stdout.write(isJson ? lineOf({ ok: true, ...facts }) : `${sentence}\n`);
  return exitCodes.done;
}
