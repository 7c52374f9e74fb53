import { differencesOf } from '../../src/domain/judge/agreement.ts';
import { judgeLoad } from '../../src/domain/judge/judge.ts';
import type { JudgeInput } from '../../src/domain/judge/judge.ts';
import { rateLoad } from '../../src/domain/rating/rateLoad.ts';
import { parseAttributes } from '../../src/domain/tariff/attributes.ts';
import { parseTariffFile } from '../../src/domain/tariff/file.ts';
import type { RandomCase } from './randomCase.ts';

/** What two engines made of one case. */
export type Verdict =
  /** The parser does not take the document. */
  | { readonly outcome: 'unread'; readonly code: string; readonly message: string }
  /** Both refuse it, for the same reason. */
  | { readonly outcome: 'refused'; readonly code: string }
  | { readonly outcome: 'agreed'; readonly lines: number }
  | { readonly outcome: 'differ'; readonly differences: readonly string[] };

export type Judge = (input: JudgeInput) => ReturnType<typeof judgeLoad>;

function warningsOf(codes: Iterable<string>): string {
  return [...new Set(codes)].toSorted().join();
}

/** Rates a case by the kernel and by the judge, or by what stands in for the judge. */
export function verdictOf(drawn: RandomCase, judge: Judge = judgeLoad): Verdict {
  const { documents: texts, load, zone, fromMs, toMs, prices } = drawn;
  const documents = parseTariffFile(texts.length === 1 ? texts[0] : { versions: texts });
  if (!documents.ok) {
    const message = `${documents.message} ${documents.path?.join('.') ?? ''}`;
    return { outcome: 'unread', code: documents.code, message };
  }
  const attributes = parseAttributes(drawn.attributes);
  if (!attributes.ok) return { outcome: 'unread', code: attributes.code, message: '' };
  const window = { load, zone, fromMs, toMs, prices };
  const rated = rateLoad({ ...window, documents: documents.value, attributes: attributes.value });
  const judged = judge({ ...window, documents: texts, attributes: drawn.attributes });
  if (!rated.ok || !judged.ok) {
    const codes = [rated, judged].map((each) => (each.ok ? 'a bill' : each.code));
    return codes[0] === codes[1]
      ? { outcome: 'refused', code: codes[0] ?? '' }
      : { outcome: 'differ', differences: [`${codes[0]} is ${codes[1]} there`] };
  }
  const [ours, theirs] = [rated.value.bills, judged.value.bills];
  const differences = [...differencesOf(ours, theirs)];
  for (const [index, { label, warnings }] of ours.entries()) {
    const codes = warningsOf(warnings.map(({ code }) => code));
    const other = warningsOf(theirs[index]?.warnings ?? []);
    if (codes !== other) differences.push(`${label}: warnings ${codes} are ${other} there`);
  }
  if (differences.length > 0) return { outcome: 'differ', differences };
  return { outcome: 'agreed', lines: ours.flatMap(({ lines }) => lines).length };
}
