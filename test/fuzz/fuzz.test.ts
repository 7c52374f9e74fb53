import { describe, expect, it } from 'vitest';
import { fuzzTarget } from '../../scripts/fuzz/run.ts';
import type { FuzzReport, Target } from '../../scripts/fuzz/run.ts';
import { targets } from '../../scripts/fuzz/targets.ts';
import {
  acceptsTwoSpellings,
  forgetsNothing,
  quadratic,
  throwsOnLongRun,
  throwsOnOnePattern,
} from './planted.ts';

function fuzz(target: Target, runs: number): Promise<FuzzReport> {
  return fuzzTarget(target, { runs, seed: 20_261_121, onProgress: () => undefined });
}

describe('the fuzzer finds', () => {
  it('a parser that throws on one pattern, and the two bytes of the pattern', async () => {
    const { finding } = await fuzz(throwsOnOnePattern, 20_000);
    expect(finding).toMatchObject({ kind: 'THREW', message: 'RangeError: read past the end' });
    expect(finding?.inputHex).toBe('0780');
  });

  it('a parser that throws on a number without an end', async () => {
    const { finding } = await fuzz(throwsOnLongRun, 20_000);
    expect(finding).toMatchObject({ kind: 'THREW', inputHex: '80'.repeat(147) });
  });

  it('a parser whose work grows with the square of its input', async () => {
    expect((await fuzz(quadratic, 1_000)).finding).toMatchObject({ kind: 'SLOW' });
  });

  it('a parser that keeps what it was given', async () => {
    expect((await fuzz(forgetsNothing, 20_000)).finding).toMatchObject({ kind: 'GREW' });
  });

  it('a parser that accepts a second spelling', async () => {
    const { finding } = await fuzz(acceptsTwoSpellings, 20_000);
    expect(finding).toMatchObject({ kind: 'WRONG', inputHex: '00' });
  });
});

describe('a parser on the way in', () => {
  it.each(targets.map((target) => ({ name: target.name, target })))(
    '$name neither throws, nor grows, nor works longer than its input warrants',
    async ({ target }) => {
      expect((await fuzz(target, 2_000)).finding).toBeNull();
    },
  );
});
