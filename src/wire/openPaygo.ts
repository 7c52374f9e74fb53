import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { sipHash24 } from './sipHash.ts';
import type {
  MadeToken,
  TokenCode,
  TokenKind,
  TokenProvider,
  TokenRequest,
} from './tokenProvider.ts';

/**
 * OpenPAYGO Token: a keypad device and its server walk the same chain of hashes; the last digits
 * carry the value. Source: EnAccess, OpenPAYGO Token, general documentation, "Standard Token" and
 * "Extended Token", and its published sample tokens.
 */
type Form = {
  readonly digits: 9 | 12;
  /** Digits of the value: the chain is told by those before them. */
  readonly base: number;
  readonly valueMax: number;
  readonly next: (key: Uint8Array, token: number) => number;
};

/** 30 bits are up to 1,073,741,823: those above nine digits come down by 2^30 - 10^9 and one. */
function nineDigits(hash: bigint): number {
  const folded = Number((hash >> 32n) ^ (hash & 0xffff_ffffn));
  const bits = Math.floor(folded / 4);
  return bits > 999_999_999 ? bits - 73_741_825 : bits;
}

/** The upper 40 bits, likewise. */
function twelveDigits(hash: bigint): number {
  const bits = Number(hash >> 24n);
  return bits > 999_999_999_999 ? bits - 99_511_627_777 : bits;
}

function bytesOf(size: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(size);
  write(new DataView(bytes.buffer));
  return bytes;
}

const standard: Form = {
  digits: 9,
  base: 1_000,
  valueMax: 995,
  next: (key, token) => {
    const twice = bytesOf(8, (view) => {
      view.setUint32(0, token);
      view.setUint32(4, token);
    });
    return nineDigits(sipHash24(key, twice));
  },
};

const extended: Form = {
  digits: 12,
  base: 1_000_000,
  valueMax: 999_999,
  next: (key, token) => {
    const word = bytesOf(8, (view) => view.setBigUint64(0, BigInt(token)));
    return twelveDigits(sipHash24(key, word));
  },
};

function formOf(digits: 9 | 12): Form {
  return digits === 9 ? standard : extended;
}

const disableValue = 998;
const syncValue = 999;

/** Tokens that add have even counts, all others odd ones: the device tells them apart by that. */
export function nextTokenCount(count: number, kind: TokenKind): number {
  const isOdd = count % 2 !== 0;
  return kind === 'add' ? count + (isOdd ? 1 : 2) : count + (isOdd ? 2 : 1);
}

function valueOf(
  form: Form,
  { kind, value }: Pick<TokenRequest, 'kind' | 'value'>,
): Outcome<number, TokenCode> {
  switch (kind) {
    case 'add':
    case 'set':
      if (Number.isInteger(value) && value >= 0 && value <= form.valueMax) return accept(value);
      return refuse(
        'TOKEN_VALUE_OUT_OF_RANGE',
        `A token of ${form.digits} digits carries a whole number up to ${form.valueMax}.`,
      );
    case 'disable':
    case 'sync':
      if (form.digits === 9) return accept(kind === 'disable' ? disableValue : syncValue);
      // The published decoder takes 12 digits of these for "set 998" and "set 999".
      return refuse('TOKEN_KIND_UNSUPPORTED', 'Devices of 12 digits know add and set alone.');
  }
}

/** The token after `count`, with the count that it has. */
function makeToken(request: TokenRequest): Outcome<MadeToken, TokenCode> {
  const form = formOf(request.digits);
  const value = valueOf(form, request);
  if (!value.ok) return value;
  const { key, startingCode } = request;
  const base = ((startingCode % form.base) + value.value) % form.base;
  const withBase = (token: number) => token - (token % form.base) + base;
  const count = nextTokenCount(request.count, request.kind);
  let token = withBase(startingCode);
  for (let times = 0; times < count; times += 1) token = form.next(key, token);
  return accept({ count, token: String(withBase(token)).padStart(form.digits, '0') });
}

export const openPaygo: TokenProvider = {
  nextCount: nextTokenCount,
  valueMax: (digits) => formOf(digits).valueMax,
  checkToken(request) {
    const value = valueOf(formOf(request.digits), request);
    return value.ok ? accept(null) : value;
  },
  makeToken,
};
