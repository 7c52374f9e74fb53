export { assert } from '../domain/assert.ts';
