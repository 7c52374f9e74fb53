import { expect, test } from 'vitest';
import { contentFaultOf, faultText, isOfMoment } from '../../src/db/faults.ts';
import { AssertionBroken } from '../../src/domain/assert.ts';

function withCode(code: string): Error {
  return Object.assign(new Error('planted, with 4711 in it'), { code });
}

test.each([
  ['22003', true, false],
  ['23503', true, false],
  // A standby is read only; a statement's timeout; tables of another version.
  ['25006', false, true],
  ['57014', false, true],
  ['42P01', false, true],
  ['21000', false, false],
  ['42804', false, false],
  ['P0001', false, false],
  ['CONNECTION_CLOSED', false, true],
  ['CONNECT_TIMEOUT', false, true],
  // Of the kernel, and as long as a SQLSTATE.
  ['EPIPE', false, true],
  ['ERR_INVALID_ARG_TYPE', false, false],
])('%s: of the content %s, of the moment %s', (code, isOfContent, isPassing) => {
  const error = withCode(code);
  expect(contentFaultOf(error)).toBe(isOfContent ? code : null);
  expect(isOfMoment(error)).toBe(isPassing);
});

test('what failed for good is told in our own words, which quote nothing', () => {
  const faults: readonly [unknown, string][] = [
    [withCode('22003'), 'a value does not fit (SQLSTATE 22003)'],
    [withCode('23503'), 'a row breaks a rule of its table (SQLSTATE 23503)'],
    [withCode('21000'), 'the database answers SQLSTATE 21000'],
    [withCode('ERR_INVALID_ARG_TYPE'), 'our own code broke on it (Error)'],
    [new TypeError('planted, with 4711 in it'), 'our own code broke on it (TypeError)'],
    [new AssertionBroken('a day ends'), 'a day ends'],
    ['4711', 'our own code broke on it (string)'],
  ];
  for (const [error, text] of faults) {
    expect(isOfMoment(error)).toBe(false);
    expect(faultText(error)).toBe(text);
  }
});
