import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { insertAudit } from '../../src/db/audit.ts';
import { openWorld, viewerOf } from './world.ts';
import type { World } from './world.ts';

let world: World;
const atMs = Date.UTC(2026, 2, 2);

beforeAll(async () => {
  world = await openWorld('audit_entries');
  for (const [index, companyId] of [1, 1, 1, 2].entries()) {
    await insertAudit(world.writer.sql, {
      id: `00000000-0000-4000-8000-00000000000${index}`,
      companyId,
      atMs: atMs + Math.min(index, 1) * 1_000,
      actor: 'somebody',
      action: 'made.up',
      subject: index === 0 ? 'account/101' : 'account/100',
      before: null,
      after: { index },
    });
  }
});
afterAll(() => world.close());

const page = z.object({
  data: z.object({
    auditEntries: z.object({
      edges: z.array(z.object({ cursor: z.string(), node: z.object({ auditId: z.string() }) })),
    }),
  }),
});

async function asked(args: string, viewer = viewerOf('operator')) {
  const query = `{ auditEntries${args} { edges { cursor node { auditId } } } }`;
  const { body } = await world.post(viewer, { query });
  return page.parse(body).data.auditEntries.edges.map(({ cursor, node }) => ({
    cursor,
    last: node.auditId.slice(-1),
  }));
}

const lasts = (rows: readonly { last: string }[]) => rows.map(({ last }) => last).join('');

test('staff see their own company newest first, by subject and by time', async () => {
  expect(lasts(await asked(''))).toBe('210');
  expect(lasts(await asked('(subject: "account/100")'))).toBe('21');
  expect(lasts(await asked('(to: "2026-03-02T00:00:01Z")'))).toBe('0');
  expect(lasts(await asked('(from: "2026-03-02T00:00:01Z", actor: "somebody")'))).toBe('21');
  expect(lasts(await asked('(actor: "nobody")'))).toBe('');
  expect(lasts(await asked('', viewerOf('administrator', { company: 2 })))).toBe('3');
});

test('page by page none is repeated or left out, also of one instant', async () => {
  const [first] = await asked('(first: 1)');
  const [second] = await asked(`(first: 1, after: "${first?.cursor}")`);
  const rest = await asked(`(first: 5, after: "${second?.cursor}")`);
  expect([first?.last, second?.last, lasts(rest)]).toEqual(['2', '1', '0']);
  expect(lasts(await asked(`(last: 1, before: "${second?.cursor}")`))).toBe('2');
});

test('a subscriber may not ask', async () => {
  const viewer = viewerOf('subscriber', { account: 100 });
  const query = '{ auditEntries { edges { node { auditId } } } }';
  const { body } = await world.post(viewer, { query });
  expect(JSON.stringify(body)).toContain('FORBIDDEN');
  expect(JSON.stringify(body)).not.toContain('made.up');
});
