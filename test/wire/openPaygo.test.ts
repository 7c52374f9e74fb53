import { describe, expect, test } from 'vitest';
import { nextTokenCount, openPaygo } from '../../src/wire/openPaygo.ts';
import type { TokenKind } from '../../src/wire/tokenProvider.ts';
import { enter, newDevice } from './openPaygoDevice.ts';

/** Source: EnAccess, OpenPAYGO-python, test/test_tokens.jsonl, and the same in OpenPAYGO-js. */
const devices = {
  first: { key: 'bc41ec9530f6dac86b1a29ab82edc5fb', startingCode: 516_959_010, count: 1 },
  second: { key: 'dac86b1a29ab82edc5fbbc41ec9530f6', startingCode: 432_435_255, count: 10 },
} as const;

type Sample = readonly [keyof typeof devices, 9 | 12, TokenKind, number, number, string];

const published: readonly Sample[] = [
  ['first', 9, 'add', 1, 2, '588224011'],
  ['first', 12, 'add', 1, 2, '247264959011'],
  ['first', 9, 'add', 2, 2, '639704012'],
  ['first', 12, 'add', 2, 2, '088026959012'],
  ['first', 9, 'add', 995, 2, '944829005'],
  ['first', 12, 'add', 995, 2, '202207960005'],
  ['first', 9, 'set', 5, 3, '691966015'],
  ['first', 12, 'set', 5, 3, '925720959015'],
  ['first', 9, 'set', 995, 3, '586420005'],
  ['first', 9, 'disable', 0, 3, '190942008'],
  ['first', 9, 'sync', 0, 3, '160440009'],
  ['second', 9, 'add', 1, 12, '579194256'],
  ['second', 12, 'add', 1, 12, '190546435256'],
  ['second', 9, 'add', 995, 12, '379163250'],
  ['second', 12, 'add', 995, 12, '750811436250'],
  ['second', 9, 'set', 1, 11, '241554256'],
  ['second', 12, 'set', 995, 11, '131362436250'],
  ['second', 9, 'disable', 0, 11, '418174253'],
  ['second', 9, 'sync', 0, 11, '648453254'],
];

function requestOf(name: keyof typeof devices) {
  const { key, startingCode, count } = devices[name];
  return { key: Buffer.from(key, 'hex'), startingCode, count };
}

describe('OpenPAYGO tokens (003.14)', () => {
  test.each(published)(
    'device %s, %i digits, %s %i: count %i and token %s are the published ones',
    (name, digits, kind, value, count, token) => {
      const made = openPaygo.makeToken({ ...requestOf(name), digits, kind, value });
      expect(made).toEqual({ ok: true, value: { count, token } });
    },
  );

  test('what a token cannot carry is refused', () => {
    const request = { ...requestOf('first'), digits: 9, kind: 'add' } as const;
    for (const value of [996, -1, 1.5, Number.NaN]) {
      expect(openPaygo.makeToken({ ...request, value })).toMatchObject({
        code: 'TOKEN_VALUE_OUT_OF_RANGE',
      });
    }
    // The published decoder of 12 digits would take it for "set 999".
    expect(openPaygo.makeToken({ ...request, digits: 12, kind: 'sync', value: 0 })).toMatchObject({
      code: 'TOKEN_KIND_UNSUPPORTED',
    });
  });

  test('counts only ever rise, even for what adds and odd for all else', () => {
    // What stands before the first odd count is below zero.
    for (let count = -1; count < 50; count += 1) {
      expect(nextTokenCount(count, 'add') % 2).toBe(0);
      expect(nextTokenCount(count, 'set') % 2).toBe(1);
      for (const kind of ['add', 'set'] as const) {
        expect(nextTokenCount(count, kind)).toBeGreaterThan(count);
        expect(nextTokenCount(count, kind)).toBeLessThanOrEqual(count + 2);
      }
    }
  });

  test('a device takes each token once, in and out of order, and no other token', () => {
    const { key, startingCode } = requestOf('first');
    const device = newDevice(key, startingCode);
    let count = 1;
    const make = (kind: TokenKind, value: number): string => {
      const made = openPaygo.makeToken({ key, startingCode, count, digits: 9, kind, value });
      if (!made.ok) throw new Error(made.code);
      ({ count } = made.value);
      return made.value.token;
    };
    const [seven, thirty] = [make('add', 7), make('add', 30)];
    expect(enter(device, thirty)).toBe('added');
    expect(enter(device, seven)).toBe('added');
    expect(enter(device, seven)).toBe('used');
    expect(device.days).toBe(37);
    expect(enter(device, make('set', 3))).toBe('set');
    expect(enter(device, thirty)).toBe('used');
    expect(enter(device, '123456789')).toBe('invalid');
    expect(device.days).toBe(3);
    expect(enter(device, make('sync', 0))).toBe('synced');
    expect(enter(device, make('disable', 0))).toBe('unlocked');
  });
});
