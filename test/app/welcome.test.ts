import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, overEvents, post } from './graphqlClient.ts';
import { openFolder, run } from './joulebook.ts';
import type { Running } from './joulebook.ts';
import { eventually } from '../support/eventually.ts';

/** What a newcomer reads, and what becomes of it when it is pasted. */
let folder: string;
let running: Running;

beforeAll(async () => {
  folder = openFolder();
  // A blank in the path, as in many a home directory.
  const data = join(folder, 'my data');
  running = run(['--port', '0', '--meters', '6', '--data', data], { TMPDIR: folder });
  await eventually(() => expect(running.printed()).toContain('readings rated'));
});
afterAll(async () => {
  running.child.kill('SIGINT');
  await running.ended;
  await rm(folder, { recursive: true, force: true });
});

type Pasted = { graphql: string; token: string; headers: string; body: object };

/** A real shell reads the command; in the place of curl stands a program that tells its words. */
function paste(command: string): Pasted {
  const shims = join(folder, 'bin');
  mkdirSync(shims, { recursive: true });
  writeFileSync(join(shims, 'curl'), `#!/bin/sh\nprintf '%s\\n' "$@"\n`, { mode: 0o755 });
  const PATH = `${shims}${delimiter}${process.env['PATH'] ?? ''}`;
  const words = execFileSync('/bin/sh', ['-c', command], { env: { PATH }, encoding: 'utf8' })
    .trimEnd()
    .split('\n');
  const headers = words.filter((_word, index) => words[index - 1] === '-H').join('\n');
  const graphql = words.find((word) => word.startsWith('http')) ?? '';
  const token = /^authorization: Bearer (.+)$/m.exec(headers)?.[1] ?? '';
  return { graphql, token, headers, body: JSON.parse(words[words.indexOf('-d') + 1] ?? '') };
}

test('the three commands that are printed do what they say when they are pasted', async () => {
  const [query, subscription, payment] = running
    .printed()
    .split('\n\n')
    .filter((paragraph) => /^curl /m.test(paragraph))
    .map((paragraph) => paste(paragraph.slice(paragraph.indexOf('curl '))));
  if (query === undefined || subscription === undefined || payment === undefined) {
    throw new Error(`three commands: ${running.printed()}`);
  }
  const numbers = ['A-1001', 'A-1002', 'A-1003'];
  const edges = numbers.map((number) => ({ node: { number, balance: { currency: 'EUR' } } }));
  expect((await post(query, query.body)).body).toMatchObject({ data: { accounts: { edges } } });

  expect(subscription.headers).toContain('accept: text/event-stream');
  const messages = await overEvents(subscription, subscription.body, (seen) =>
    seen.some((message) => at(message, 'data', 'accountBalance', 'energy') !== undefined),
  );
  expect(at(messages[0], 'data', 'accountBalance', '__typename')).toBe('AccountSnapshot');

  for (const isReplay of [false, true]) {
    expect((await post(payment, payment.body)).body).toMatchObject({
      data: { topUp: { __typename: 'TopUpPayload', isReplay } },
    });
  }
});

test('each role has a token in print, and the table fits into eighty columns', () => {
  for (const role of ['subscriber', 'operator', 'administrator', 'developer', 'partner']) {
    expect(running.printed()).toMatch(new RegExp(`^${role}:\\n[\\w-]+\\.[\\w-]+\\.[\\w-]+$`, 'm'));
  }
  const lines = running.printed().split('\n');
  const table = lines.slice(lines.findIndex((line) => line.startsWith('account mode')));
  expect(table.filter((line) => line.length > 79)).toEqual([]);
  expect(table.filter((line) => line.startsWith('A-1001  prepaid   JB000001  on'))).not.toEqual([]);
});
