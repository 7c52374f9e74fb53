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

/** What a process prints, and with which code it ends. */
export type Printed = {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
};

function printedRefusal(refused: Exclude<Answer, Accepted<Told>>, isJson: boolean): Printed {
  const { code, message, path, facts } = refused;
  const refusal = { ok: false, code, message, ...(path === undefined ? {} : { path }), ...facts };
  const printed = isJson
    ? { stdout: lineOf(refusal), stderr: '' }
    : { stdout: '', stderr: `${code}: ${message}\n` };
  return { ...printed, exitCode: exitCodes.refused };
}

export function printedOf(answer: Answer, isJson: boolean): Printed {
  if (!answer.ok) return printedRefusal(answer, isJson);
  const { sentence, facts, isBare = false } = answer.value;
  const told = isBare ? facts : { ok: true, ...facts };
  const stdout = isJson ? lineOf(told) : `${sentence}\n`;
  return { stdout, stderr: '', exitCode: exitCodes.done };
}

function print({ stdout, stderr, exitCode }: Printed): number {
  if (stdout !== '') process.stdout.write(stdout);
  if (stderr !== '') process.stderr.write(stderr);
  return exitCode;
}

export function tellRefusal(refused: Exclude<Answer, Accepted<Told>>, isJson: boolean): void {
  print(printedRefusal(refused, isJson));
}

/** Prints an answer and says with which code the process ends. */
export function tell(answer: Answer, isJson: boolean): number {
  return print(printedOf(answer, isJson));
}
