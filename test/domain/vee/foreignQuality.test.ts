import { describe, expect, it } from 'vitest';
import {
  dataHubOf,
  nem12Of,
  nem12ReasonOf,
  octopusOf,
  qualityOfDataHub,
  qualityOfNem12,
  qualityOfOctopus,
} from '../../../src/domain/vee/foreignQuality.ts';

/** 0 ACTUAL, 1 CALCULATED, 2 ESTIMATED, 3 missing; the words stand in the domain rules 4.2. */
const qualities = [0, 1, 2, 3] as const;

describe('qualities in the words of other systems', () => {
  it('Octopus and Kraken', () => {
    expect(qualities.map(octopusOf)).toEqual(['ACTUAL', 'CALCULATED', 'ESTIMATE', null]);
    const words = ['ACTUAL', 'CALCULATED', 'ESTIMATE', 'ZEROED', 'AGREED', 'MIXED'] as const;
    expect(words.map(qualityOfOctopus)).toEqual([0, 1, 2, 1, 1, 2]);
  });

  it('DataHub, there and back without a loss', () => {
    expect(qualities.map(dataHubOf)).toEqual(['MEASURED', 'CALCULATED', 'ESTIMATED', 'MISSING']);
    expect(qualities.map((quality) => qualityOfDataHub(dataHubOf(quality)))).toEqual([
      ...qualities,
    ]);
  });

  it('NEM12: an estimate is S between two readings and E where nobody has read the end', () => {
    const told = (isForward: boolean) =>
      qualities.map((quality) => nem12Of(quality, { isForward }));
    expect(told(false)).toEqual(['A', 'S', 'S', 'N']);
    expect(told(true)).toEqual(['A', 'S', 'E', 'N']);
    const words = ['A', 'S', 'E', 'F', 'N', 'V'] as const;
    expect(words.map(qualityOfNem12)).toEqual([0, 2, 2, 2, 3, null]);
  });

  it('NEM12: a register that went backwards has the reason 18, a jump has none', () => {
    const codes = ['REGISTER_WENT_BACKWARDS', 'REGISTER_RESET', 'REGISTER_JUMPED'] as const;
    expect(codes.map(nem12ReasonOf)).toEqual([18, 18, null]);
  });

  it('no word makes a value better than it was', () => {
    for (const quality of qualities) {
      const there = [
        qualityOfDataHub(dataHubOf(quality)),
        qualityOfNem12(nem12Of(quality, { isForward: false })) ?? 3,
      ];
      expect(Math.min(...there)).toBeGreaterThanOrEqual(quality);
    }
  });
});
