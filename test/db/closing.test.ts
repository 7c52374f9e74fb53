import { afterAll, beforeAll, expect, test } from 'vitest';
import { appendEvent, companySubject, plainEvent } from '../../src/db/events.ts';
import type { EventBlock } from '../../src/db/events.ts';
import { asViewer } from '../../src/db/viewer.ts';
import { openGround, startMs } from '../operations/smallFleet.ts';
import type { Ground } from '../operations/smallFleet.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await openGround('closing');
});
afterAll(() => ground.close());

function news(what: string): EventBlock {
  const { companyId } = ground.fleet;
  const subjects = [companySubject];
  return plainEvent({ companyId, kind: 'notice', atMs: startMs, subjects, detail: { what } });
}

function as<T>(work: Parameters<typeof asViewer<T>>[2]): Promise<T> {
  return asViewer(ground.api.sql, ground.viewer('operator'), work);
}

async function told(): Promise<readonly string[]> {
  const rows = await ground.writer.sql<{ what: string }[]>`
    select detail->>'what' as what from event where kind = 'notice' order by sequence`;
  return rows.map(({ what }) => what);
}

test('what a transaction tells early lets others of its company tell meanwhile', async () => {
  const early = await as(async (tx) => {
    await appendEvent(tx, news('early'));
    // Were its number taken by now, this one would wait for a commit that waits for it.
    const other = as(async (inner) => {
      await inner`set local lock_timeout = '5s'`;
      await appendEvent(inner, news('other'));
    });
    await other;
    await appendEvent(tx, news('late'));
    return told();
  });
  expect(early).toEqual(['other']);
  expect(await told()).toEqual(['other', 'early', 'late']);
});

test('what a transaction told that then failed is told by nobody', async () => {
  const before = await told();
  const failed = as(async (tx) => {
    await appendEvent(tx, news('never'));
    throw new Error('planted');
  });
  await expect(failed).rejects.toThrow('planted');
  expect(await told()).toEqual(before);
});
