import { accept, refuse } from '../../domain/outcome.ts';
import { describeTariff } from '../../domain/tariff/describe.ts';
import type { Answer } from '../answer.ts';
import type { CircumstanceOptions } from '../circumstances.ts';
import { openTariff } from '../tariffFile.ts';

export type ExplainOptions = CircumstanceOptions & {
  readonly load?: string | undefined;
  readonly month?: string | undefined;
  readonly component?: string | undefined;
  readonly period?: string | undefined;
  readonly tier?: string | undefined;
};

/** A tariff in plain words; with a load and a component, a line down to its intervals. */
export function explainTariff(file: string, options: ExplainOptions): Answer {
  const opened = openTariff({ tariff: file });
  if (!opened.ok) return opened;
  if (options.load !== undefined) return refuse('EXPLAIN_UNSUPPORTED', 'Not yet.');
  const description = opened.value.documents.flatMap((document) => [...describeTariff(document)]);
  return accept({ sentence: description.join('\n'), facts: { description } });
}
