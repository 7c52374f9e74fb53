import { expect, it } from 'vitest';

it.only('a focused test hides the others', () => {
  expect(1).toBe(1);
});
