import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { customerClasses } from '../../../src/domain/vee/classDefaults.ts';
import { estimationRules, ruleNames, validationRules } from '../../../src/domain/vee/ruleName.ts';
import { defaultVeeSet, parseVeeSet } from '../../../src/domain/vee/set.ts';

/** docs/vee.md shows defaults; what it shows is what holds. */
const guide = readFileSync(new URL('../../../docs/vee.md', import.meta.url), 'utf8');

function shown(name: string): unknown {
  const block = new RegExp(`^\`\`\`json ${name}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(guide);
  return JSON.parse(block?.[1] ?? 'null');
}

/** Cells of the row that begins with a rule's name. */
function rowOf(text: string, rule: string): readonly string[] {
  const line = text.split('\n').find((each) => each.startsWith(`| \`${rule}\``)) ?? '';
  return line
    .split('|')
    .slice(2, -1)
    .map((cell) => cell.trim());
}

describe('docs/vee.md', () => {
  it.each(ruleNames)('shows the limits of %s as they are', (rule) => {
    const everyRule = new Set(['on', 'outcome', 'windows', 'channels']);
    for (const customerClass of customerClasses) {
      const settings = Object.entries(defaultVeeSet(customerClass).rules[rule]);
      const limits = settings.filter(([name]) => !everyRule.has(name));
      expect(shown(rule)).toEqual(Object.fromEntries(limits));
    }
  });

  const rowOfDefaults = (rule: (typeof ruleNames)[number]) => {
    const [gateway, large, community] = customerClasses.map(
      (customerClass) => defaultVeeSet(customerClass).rules[rule],
    );
    const windows = community?.windows.join(', ') ?? '';
    const channels = community?.channels.join(', ') ?? '';
    const outcomes = [gateway?.outcome, large?.outcome, community?.outcome];
    return [windows, channels === '' ? 'every' : channels, ...outcomes];
  };

  it.each(ruleNames)('shows for whom %s is on, and what follows', (rule) => {
    expect(rowOf(guide, rule)).toEqual(rowOfDefaults(rule));
  });

  it('planted: a row with another outcome is seen to differ', () => {
    const altered = guide.replace(/(\| `sum` .*)alert/, '$1reject');
    expect(rowOf(altered, 'sum')).not.toEqual(rowOfDefaults('sum'));
  });

  it('shows the estimation as it is, and a set that is read', () => {
    for (const customerClass of customerClasses) {
      expect(shown('estimation')).toEqual(defaultVeeSet(customerClass).estimation);
    }
    expect(parseVeeSet(shown('set')).ok).toBe(true);
  });

  it('names all 27 rules by their titles', () => {
    const titles = [...Object.values(validationRules), ...Object.values(estimationRules)];
    expect(titles.map(({ title }) => title).filter((title) => !guide.includes(title))).toEqual([]);
  });
});
