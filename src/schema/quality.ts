import { qualityActual, qualityCalculated, qualityEstimated } from '../domain/series/quality.ts';
import { builder } from './builder.ts';

export const Quality = builder.enumType('Quality', {
  description: 'How a value came to be, the best first.',
  values: {
    ACTUAL: { description: 'Read from the meter.' },
    CALCULATED: { description: 'Between two near readings.' },
    ESTIMATED: { description: 'Spread over a longer silence.' },
    MISSING: { description: 'Nothing is known, which is not zero.' },
  } as const,
});

export function qualityName(code: number): 'ACTUAL' | 'CALCULATED' | 'ESTIMATED' | 'MISSING' {
  switch (code) {
    case qualityActual:
      return 'ACTUAL';
    case qualityCalculated:
      return 'CALCULATED';
    case qualityEstimated:
      return 'ESTIMATED';
    default:
      return 'MISSING';
  }
}

export const ValueState = builder.enumType('ValueState', {
  values: {
    PROVISIONAL: { description: 'A better reading may still change it.' },
    VALIDATED: { description: 'From accepted readings on both sides.' },
    BILLED: { description: 'On a closed bill; a change becomes a correction.' },
  } as const,
});
