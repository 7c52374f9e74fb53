/** Our own tidy: what no ready-made linter holds, as strings to find and what to do instead. */

export type Untidy = {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly instead: string;
};

type LineRule = {
  readonly rule: string;
  readonly appliesTo: (file: string) => boolean;
  readonly banned: RegExp;
  readonly instead: string;
};

const linesPerFileMax = 400;
const columnsPerLineMax = 100;

const isCode = (file: string) => /\.[cm]?[jt]sx?$/.test(file);
const isTest = (file: string) => file.startsWith('test/') && file.endsWith('.test.ts');
const isMarkdown = (file: string) => file.endsWith('.md');
const isMoney = (file: string) => /^src\/(domain|operations|db|workers)\//.test(file);

/** Migrations are written by drizzle-kit. */
const isGenerated = (file: string) => file.startsWith('src/db/migrations/');

const lineRules: readonly LineRule[] = [
  {
    rule: 'unfinished',
    appliesTo: () => true,
    banned: /\b(FIXME|XXX|TODO|HACK)\b/,
    instead: 'finish it, or write an open end into the documents',
  },
  {
    rule: 'hidden-test',
    appliesTo: isTest,
    banned: /\b(it|test|describe|suite)\.(skip|only|todo|skipIf|runIf|fails)\b|\bx(it|describe)\(/,
    instead: 'a test runs always and everywhere',
  },
  {
    rule: 'sleep',
    appliesTo: isTest,
    banned: /\bawait\s+(sleep|delay|wait|setTimeout)\(|new Promise\([^)]*\)\s*=>\s*setTimeout\(/,
    instead: 'poll a condition, or advance the clock',
  },
  {
    rule: 'mock',
    appliesTo: (file) => file.startsWith('test/'),
    banned: /\bvi\.(mock|doMock|spyOn|stubGlobal)\(/,
    instead: 'use the real part; fakes speak bytes at the wire',
  },
  {
    rule: 'silenced-compiler',
    appliesTo: isCode,
    banned: /@ts-(ignore|expect-error|nocheck)|\bas any\b|\bas never\b/,
    instead: 'narrow, parse, or correct the type',
  },
  {
    rule: 'silenced-linter',
    appliesTo: isCode,
    banned: /(oxlint|eslint)-disable(?!.* -- \S)/,
    instead: 'say why after the rule: -- reason',
  },
  {
    rule: 'float-money',
    appliesTo: isMoney,
    banned: /\bparseFloat\(|\.toFixed\(|\bNumber\(\w*Micros\)|Micros\??: number\b/,
    instead: 'money is a bigint of micro-units; decimal.js where a ratio is not whole',
  },
  {
    rule: 'tracker-number',
    appliesTo: () => true,
    banned: /\b(issue|ticket|fixes|closes)s? #?\d+\b|\b[Pp]ull request #?\d+/i,
    instead: 'say the reason itself; trackers move',
  },
  {
    rule: 'machine-path',
    appliesTo: () => true,
    // The group keeps this line from finding itself.
    banned: /(^|[^\w.])[/](work|root)[/]|[/](home|Users)[/]\w+[/]/,
    instead: 'a path below the project, or an argument',
  },
];

function untidyName(file: string): string | undefined {
  const name = file.split('/').at(-1) ?? '';
  if (/(issue|bug|ticket)[-_.]?\d+/i.test(name)) return 'name the guarantee, not the ticket';
  if (isCode(file) && /[-_](\d+|new|old|v\d+)\.(test\.)?[cm]?[jt]s$/i.test(name)) {
    return 'name what is different about it';
  }
  return undefined;
}

function titleLines(lines: readonly string[]): readonly number[] {
  let isFenced = false;
  const found: number[] = [];
  for (const [index, line] of lines.entries()) {
    if (/^\s*(```|~~~)/.test(line)) isFenced = !isFenced;
    else if (!isFenced && /^# \S/.test(line)) found.push(index + 1);
  }
  return found;
}

/** A URL or a table cell of a vector cannot be broken. */
function isTooLong(line: string): boolean {
  return line.length > columnsPerLineMax && !/https?:\/\/\S+/.test(line);
}

export function tidy(file: string, text: string): readonly Untidy[] {
  if (isGenerated(file)) return [];
  const found: Untidy[] = [];
  const report = (rule: string, line: number, instead: string) =>
    found.push({ rule, file, line, instead });
  const lines = text.split('\n');
  const name = untidyName(file);
  if (name !== undefined) report('name', 1, name);
  if (isMarkdown(file)) {
    const titles = titleLines(lines);
    if (titles.length !== 1) report('title', titles[1] ?? 1, 'one # Title a document');
  }
  // A file that ends with a newline has one line fewer than it has parts.
  const lineCount = text.endsWith('\n') ? lines.length - 1 : lines.length;
  if (isCode(file) && lineCount > linesPerFileMax) report('length', lineCount, 'split by noun');
  for (const [index, line] of lines.entries()) {
    if (isCode(file) && isTooLong(line)) report('width', index + 1, 'at most 100 columns');
    for (const { rule, appliesTo, banned, instead } of lineRules) {
      if (appliesTo(file) && banned.test(line)) report(rule, index + 1, instead);
    }
  }
  return found;
}
