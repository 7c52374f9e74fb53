import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHttpIntake } from '../../src/ingest/httpIntake.ts';
import type { HttpIntake } from '../../src/ingest/httpIntake.ts';
import { projectRoot } from '../architecture/projectFiles.ts';
import { openIntakeGround, receiptKey } from '../ingest/intakeGround.ts';
import type { IntakeGround } from '../ingest/intakeGround.ts';
import { temporaryFolder } from './runCli.ts';

function blocksOf(document: string): readonly string[] {
  const text = readFileSync(path.join(projectRoot, document), 'utf8');
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

/** The block that makes a key, in each document that has it. */
function guideOf(document: string): string {
  return blocksOf(document).find((block) => block.includes('key make')) ?? 'false';
}

/** The blocks of a sender of JSON: its key and registration, then its batch. */
function jsonGuide(): string {
  const all = blocksOf('docs/ingest.md');
  const first = all.findIndex((block) => block.includes('json-fleet.json'));
  return all.slice(first, first + 2).join('\n');
}

const folder = temporaryFolder();
symlinkSync(path.join(projectRoot, 'examples'), path.join(folder, 'examples'));
const launcher = path.join(projectRoot, 'src/cli/launch.js');
let ground: IntakeGround;
let http: HttpIntake;

beforeAll(async () => {
  ground = await openIntakeGround('gateway_guide');
  const started = await startHttpIntake({
    intake: ground.intake(),
    key: receiptKey,
    tls: null,
    host: '127.0.0.1',
    port: 0,
    report: ({ code }) => ground.reports.push(code),
  });
  if (!started.ok) throw new Error(started.message);
  http = started.value;
});
afterAll(async () => {
  await http.close();
  await ground.close();
});

function run(block: string): Promise<{ readonly failed: boolean; readonly output: string }> {
  const here = block
    .replaceAll('--data .joulebook', `--database ${ground.url}`)
    .replace('http://127.0.0.1:4080', http.url);
  const script = `npx() { shift; "${process.execPath}" "${launcher}" "$@"; }\n${here}`;
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: 170_000 };
    execFile('bash', ['-euc', script], options, (error, stdout, stderr) => {
      resolve({ failed: error !== null, output: stdout + stderr });
    });
  });
}

describe("a newcomer's gateway", () => {
  test('is tried in README and in docs/ingest.md by the same commands', () => {
    const own = guideOf('docs/ingest.md');
    expect(own).toContain('batch send');
    expect(guideOf('README.md').startsWith(own)).toBe(true);
  });

  test(
    'those commands put a batch of two readings into the log',
    { timeout: 300_000 },
    async () => {
      const { failed, output } = await run(guideOf('docs/ingest.md'));
      expect(output).toContain('readings.csv: 2 readings, new batches: 1');
      expect(output).toContain('batch 1: committed');
      expect(failed).toBe(false);
    },
  );

  test(
    'the JSON commands of the same folder take nothing from it, and each works again',
    { timeout: 600_000 },
    async () => {
      const first = await run(jsonGuide());
      expect(first.output).toContain('"state":"committed"');
      expect(first.failed).toBe(false);
      const again = await run(jsonGuide());
      expect(again.output).toContain('"state":"duplicate"');
      expect(again.failed).toBe(false);
      const gateway = await run(guideOf('docs/ingest.md'));
      expect(gateway.output).toContain('readings.csv was made into batches of this journal before');
      expect(gateway.failed).toBe(false);
    },
  );
});
