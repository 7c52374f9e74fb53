import { accept } from '../../domain/outcome.ts';
import { ruleNames, validationRules } from '../../domain/vee/ruleName.ts';
import type { ValidationRule } from '../../domain/vee/ruleName.ts';
import { canReject, historyDaysOf, parseNewVeeSet } from '../../domain/vee/set.ts';
import type { VeeSet } from '../../domain/vee/set.ts';
import type { Answer } from '../answer.ts';
import { readJson } from '../inputFile.ts';

/** One line a rule: what follows, whatever the set says of those that reject, where and when. */
function describeRule({ rules }: VeeSet, rule: ValidationRule): string {
  const { on, outcome, windows, channels } = rules[rule];
  const { title } = validationRules[rule];
  if (!on) return `${title}: off.`;
  const where = channels.length === 0 ? 'every channel' : `channel ${channels.join(', ')}`;
  const follows = canReject(rule) ? 'reject' : outcome;
  return `${title}: ${follows} a ${windows.join(' and a ')}, ${where}.`;
}

/** Checks a set of rules as publishing does, and tells what it comes to with its defaults. */
export function lintVeeSet(file: string): Answer {
  const json = readJson(file);
  if (!json.ok) return json;
  const parsed = parseNewVeeSet(json.value);
  if (!parsed.ok) return { ...parsed, message: `${file}: ${parsed.message}` };
  const set = parsed.value;
  const { customerClass, rules, estimation, profile, holidays } = set;
  const order = estimation.order.join(', ');
  const lacksProfile = estimation.order.includes('profile') && profile === null;
  const sentence = [
    `${file} is sound: rules of the class ${customerClass}.`,
    ...ruleNames.map((rule) => describeRule(set, rule)),
    `Gaps: ${order === '' ? 'as even as time' : order}; looks back ${historyDaysOf(set)} days.`,
    ...(lacksProfile ? ['It has no profile, so the method profile never says anything.'] : []),
  ].join('\n');
  const facts = {
    customerClass,
    rules,
    estimation,
    hasProfile: profile !== null,
    holidays: holidays.size,
    historyDays: historyDaysOf(set),
  };
  return accept({ sentence, facts });
}
