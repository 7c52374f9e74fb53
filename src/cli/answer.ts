import type { Accepted, Refused } from '../domain/outcome.ts';

/** What a command found or did: a sentence for people, the same facts for scripts. */
export type Told = {
  readonly sentence: string;
  readonly facts: Facts;
  /** The facts alone are the JSON: a form that others read, without `ok`. */
  readonly isBare?: boolean;
};

type Facts = { readonly [name: string]: unknown };

/** A refusal may have facts of its own for scripts. */
export type Answer = Accepted<Told> | (Refused<string> & { readonly facts?: Facts });

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

export function tellRefusal(refused: Exclude<Answer, Accepted<Told>>, isJson: boolean): void {
  const { code, message, path, facts } = refused;
  const refusal = { ok: false, code, message, ...(path === undefined ? {} : { path }), ...facts };
  if (isJson) process.stdout.write(lineOf(refusal));
  else process.stderr.write(`${code}: ${message}\n`);
}

/** Prints an answer and says with which code the process ends. */
export function tell(answer: Answer, isJson: boolean): number {
  if (!answer.ok) {
    tellRefusal(answer, isJson);
    return exitCodes.refused;
  }
  const { sentence, facts, isBare = false } = answer.value;
  const told = isBare ? facts : { ok: true, ...facts };
  process.stdout.write(isJson ? lineOf(told) : `${sentence}\n`);
  return exitCodes.done;
}
