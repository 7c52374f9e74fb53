import fc from 'fast-check';
import { bytesFormat } from '../../scripts/fuzz/formats.ts';
import type { Target } from '../../scripts/fuzz/run.ts';

/** Parsers with a fault each, which the fuzzer must find: its canaries. */
const sound: Target = {
  name: 'sound',
  valid: fc.uint8Array({ minLength: 10, maxLength: 100 }).map((bytes) => bytes.fill(7)),
  format: bytesFormat,
  parse: () => null,
  fixedMicros: 500,
  microsPerByte: 0.2,
  bytesMax: 16_384,
};

/** Reads past the end when the last byte but one announces more. */
export const throwsOnOnePattern: Target = {
  ...sound,
  name: 'throws on one pattern',
  parse: (input) => {
    for (let at = 0; at + 1 < input.length; at += 1) {
      if (input[at] === 7 && input[at + 1] === 0x80) throw new RangeError('read past the end');
    }
    return null;
  },
};

/** Weighs the bytes of a number without counting them. */
export const throwsOnLongRun: Target = {
  ...sound,
  name: 'throws on a long run',
  parse: (input) => {
    let weight = 1;
    for (const byte of input) {
      weight = byte === 0x80 ? weight * 128 : 1;
      if (weight === Infinity) throw new RangeError('no number any more');
    }
    return null;
  },
};

/** Looks for each byte in all that came before it. */
export const quadratic: Target = {
  ...sound,
  name: 'quadratic',
  parse: (input) => {
    let twins = 0;
    for (let at = 0; at < input.length; at += 1) {
      for (let before = 0; before < at; before += 1) if (input[before] === input[at]) twins += 1;
    }
    return twins < 0 ? 'fewer than none' : null;
  },
};

const kept: Uint8Array[] = [];

/** Keeps what it was given. */
export const forgetsNothing: Target = {
  ...sound,
  name: 'forgets nothing',
  parse: (input) => {
    kept.push(new Uint8Array(4_096).fill(input.length));
    return null;
  },
};

/** Takes a second spelling: a trailing zero changes nothing. */
export const acceptsTwoSpellings: Target = {
  ...sound,
  name: 'accepts two spellings',
  parse: (input) => {
    const isOne = input.every((byte, at) => byte === 7 || (byte === 0 && at === input.length - 1));
    return isOne && input.at(-1) === 0 ? 'there are two spellings' : null;
  },
};
