/** One case with an answer that somebody else has worked out. */
export type Answer = {
  readonly name: string;
  readonly isRight: boolean;
  /** What was compared; where wrong, both values. */
  readonly detail: string;
};

export type Answers = {
  readonly answers: readonly Answer[];
  /** Inputs that are refused, as they should be, with the code and the reason. */
  readonly refused?: readonly { readonly name: string; readonly reason: string }[];
  /** Cases of the same file that are not compared, with what they need. */
  readonly leftOut: readonly string[];
};

export type Compared = {
  readonly at: string;
  readonly ours: string;
  readonly expected: string;
};

/** All of a case's values must be right; the first that is not is told. */
export function answerOf(name: string, what: string, values: readonly Compared[]): Answer {
  const wrong = values.find(({ ours, expected }) => ours !== expected);
  if (values.length === 0) return { name, isRight: false, detail: 'nothing to compare' };
  if (wrong === undefined) return { name, isRight: true, detail: `${values.length} ${what}` };
  const { at, ours, expected } = wrong;
  return { name, isRight: false, detail: `${at}: ${ours}, expected ${expected}` };
}
