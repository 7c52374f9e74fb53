import { expect, test } from 'vitest';
import { freshDatabase } from '../../support/postgres.ts';
import { tamper } from './tamper.ts';
import { openTamperWorld } from './tamperWorld.ts';

test(
  'domain rule 88: 300 random tamperings are all found and named',
  { timeout: 300_000 },
  async () => {
    const { url } = await freshDatabase('tamper');
    const world = await openTamperWorld(url, { passes: 2, rows: 4 });
    const { kinds, missed } = await tamper(world, { count: 300, seed: 1, onProgress: () => {} });
    await world.close();
    expect(missed).toEqual([]);
    expect([...kinds.keys()].toSorted()).toEqual([
      'change key',
      'cut tail',
      'delete',
      'drop block',
      'edit',
      'edit block',
      'flip byte',
      'insert',
      'move block',
      'rebuild with another key',
      'rebuild without key',
      'replay block',
      'swap',
      'swap blocks',
    ]);
  },
);
