/** SipHash-2-4. Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012. */
const wordMask = 0xffff_ffff_ffff_ffffn;

function rotate(word: bigint, bits: bigint): bigint {
  return ((word << bits) | (word >> (64n - bits))) & wordMask;
}

type State = [bigint, bigint, bigint, bigint];

function round([a, b, c, d]: State): State {
  const ab = (a + b) & wordMask;
  const b1 = rotate(b, 13n) ^ ab;
  const cd = (c + d) & wordMask;
  const d1 = rotate(d, 16n) ^ cd;
  const a2 = (rotate(ab, 32n) + d1) & wordMask;
  const d2 = rotate(d1, 21n) ^ a2;
  const c2 = (cd + b1) & wordMask;
  const b2 = rotate(b1, 17n) ^ c2;
  return [a2, b2, rotate(c2, 32n), d2];
}

function absorb(state: State, word: bigint): State {
  const [a, b, c, d] = round(round([state[0], state[1], state[2], state[3] ^ word]));
  return [a ^ word, b, c, d];
}

/** 64 bits of a message under a key of 16 bytes. */
export function sipHash24(key: Uint8Array, message: Uint8Array): bigint {
  if (key.length !== 16) throw new RangeError('a key of SipHash has 16 bytes');
  const keys = new DataView(key.buffer, key.byteOffset, key.length);
  const [k0, k1] = [keys.getBigUint64(0, true), keys.getBigUint64(8, true)];
  let state: State = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  // The last word: what is left of the message, and its length in the highest byte.
  const padded = new Uint8Array((Math.floor(message.length / 8) + 1) * 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 0xff;
  const words = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) state = absorb(state, words.getBigUint64(at, true));
  state = [state[0], state[1], state[2] ^ 0xffn, state[3]];
  for (let times = 0; times < 4; times += 1) state = round(state);
  return state[0] ^ state[1] ^ state[2] ^ state[3];
}
