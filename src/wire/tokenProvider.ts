import type { Outcome } from '../domain/outcome.ts';

/** What a token does to the device that it is typed into. */
export type TokenKind = 'add' | 'set' | 'disable' | 'sync';

export type TokenRequest = {
  /** The device's own secret, in clear only while a token is made. */
  readonly key: Uint8Array;
  readonly startingCode: number;
  /** Of the last token that was made for the device. */
  readonly count: number;
  readonly digits: 9 | 12;
  readonly kind: TokenKind;
  /** Days or units, as the device counts; nothing for `disable` and `sync`. */
  readonly value: number;
};

export type MadeToken = {
  /** Above the last one. */
  readonly count: number;
  readonly token: string;
};

export type TokenCode = 'TOKEN_VALUE_OUT_OF_RANGE' | 'TOKEN_KIND_UNSUPPORTED';

/** Who makes tokens for keypad devices of one standard. */
export type TokenProvider = {
  /** The count of the token after the one of `count`. */
  nextCount(count: number, kind: TokenKind): number;
  /** The most days or units that a token adds. */
  valueMax(digits: 9 | 12): number;
  /** Whether a device takes such a token at all. */
  checkToken(request: Pick<TokenRequest, 'digits' | 'kind' | 'value'>): Outcome<null, TokenCode>;
  makeToken(request: TokenRequest): Outcome<MadeToken, TokenCode>;
};
