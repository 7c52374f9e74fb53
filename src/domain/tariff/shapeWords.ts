import type { z } from 'zod';
import { numberAsText } from './textShape.ts';

type Issue = z.core.$ZodIssue;

/** What is wrong with a value's form, and where. */
export type Found = { readonly path: readonly PropertyKey[]; readonly message: string };

const missing = 'the field is missing; give it';
const noForm = 'it has none of the forms that are read here';

function choiceOf(values: readonly unknown[]): string {
  const texts = values.map(String);
  return texts.length === 1 ? `write ${texts.join('')}` : `write one of ${texts.join(', ')}`;
}

function typeWords(expected: string): string {
  switch (expected) {
    case 'string':
      return 'write a text in quotes';
    case 'int':
      return 'write a whole number, without quotes';
    case 'number':
      return 'write a number, without quotes';
    case 'boolean':
      return 'write true or false, without quotes';
    case 'array':
      return 'write a list, in [ and ]';
    case 'object':
      return 'write an object with fields, in { and }';
    case 'record':
      return 'write an object with a value for each name, in { and }';
    default:
      return noForm;
  }
}

function sizeWords(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall>) {
  const isTooBig = issue.code === 'too_big';
  const limit = String(isTooBig ? issue.maximum : issue.minimum);
  if (issue.origin === 'string') {
    return isTooBig
      ? `the text has more than ${limit} characters; shorten it`
      : 'the text is empty; write one';
  }
  if (issue.origin === 'array') {
    return isTooBig
      ? `the list is too long; at most ${limit} are read`
      : `the list is too short; give at least ${limit}`;
  }
  return isTooBig ? `the number is at most ${limit}` : `the number is ${limit} or more`;
}

/** The words for what zod finds, where a shape has none of its own. */
export function wordsOf(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return missing;
  if (issue.code === 'invalid_type') return typeWords(issue.expected);
  if (issue.code === 'invalid_value') return choiceOf(issue.values);
  if (issue.code === 'too_big' || issue.code === 'too_small') return sizeWords(issue);
  return noForm;
}

function joined(messages: ReadonlySet<string>): string {
  return messages.has(numberAsText) ? numberAsText : [...messages].join(', or ');
}

/** Which alternative was meant is not known: the one that went deepest was read the furthest. */
function deepest(issue: z.core.$ZodIssueInvalidUnion): Found {
  const { path, message } = issue;
  if (issue.errors.length === 0) {
    const options = 'options' in issue ? issue.options : undefined;
    return { path, message: options === undefined ? message : choiceOf(options) };
  }
  if (message === missing) return { path, message };
  const branches = issue.errors.flatMap(([first]) =>
    first === undefined ? [] : [{ first, found: foundIn(first) }],
  );
  const depth = Math.max(...branches.map(({ found }) => found.path.length));
  const best = branches.filter(({ found }) => found.path.length === depth);
  const values = best.flatMap(({ first }) => (first.code === 'invalid_value' ? first.values : []));
  const others = best.filter(({ first }) => first.code !== 'invalid_value');
  const choices = values.length === 0 ? [] : [choiceOf(values)];
  const messages = others.map(({ found }) => found.message);
  return {
    path: [...path, ...(best[0]?.found.path ?? [])],
    message: joined(new Set([...choices, ...messages])),
  };
}

/** The place and the words of an issue; a field that is not known is a place of its own. */
export function foundIn(issue: Issue): Found {
  if (issue.code === 'invalid_union') return deepest(issue);
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    const message = `no field "${key}" is known here; remove it or correct its name`;
    return { path: [...issue.path, key], message };
  }
  if (issue.code === 'invalid_key') {
    return { path: issue.path, message: issue.issues[0]?.message ?? issue.message };
  }
  return { path: issue.path, message: issue.message };
}
