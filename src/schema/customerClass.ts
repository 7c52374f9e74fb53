import { builder } from './builder.ts';

export const CustomerClassEnum = builder.enumType('CustomerClass', {
  description: 'By which rules readings are validated.',
  values: {
    GATEWAY: { value: 'gateway', description: 'A point where grids exchange energy.' },
    LARGE: { value: 'large' },
    COMMUNITY: { value: 'community' },
  } as const,
});
