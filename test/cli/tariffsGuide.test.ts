import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../architecture/projectFiles.ts';
import { temporaryFolder } from './runCli.ts';

/** The guide's own commands, each block in one shell, in a folder that has the examples alone. */
const folder = temporaryFolder();
symlinkSync(path.join(projectRoot, 'examples'), path.join(folder, 'examples'));
const launcher = path.join(projectRoot, 'src/cli/launch.js');
const guide = readFileSync(path.join(projectRoot, 'docs/tariffs.md'), 'utf8');
const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);

function run(block: string): Promise<{ readonly failed: boolean; readonly output: string }> {
  const script = `npx() { shift; "${process.execPath}" "${launcher}" "$@"; }\n${block}`;
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: 170_000 };
    execFile('bash', ['-euc', script], options, (error, stdout, stderr) => {
      resolve({ failed: error !== null, output: stdout + stderr });
    });
  });
}

describe('the commands of docs/tariffs.md', () => {
  test('are two blocks', () => {
    expect(blocks).toHaveLength(2);
  });

  test(
    'rate the mini-grid as its example says, with both engines',
    { timeout: 300_000 },
    async () => {
      const { failed, output } = await run(blocks[0] ?? 'false');
      expect(output).toContain('2026-05-01 to 2026-05-11: 38077 TZS');
      expect(output).toContain('"total":"38077"');
      expect(output).toMatch(/electricity, evening: 6 kWh, 13200\n.*1\.2 +x 2200 +2640/);
      expect(output).toContain('38077 becomes 39541 TZS (1464)');
      expect(failed).toBe(false);
    },
  );

  test('make a tariff of a price series', async () => {
    const { failed, output } = await run(blocks[1] ?? 'false');
    expect(output).toContain('EUR');
    expect(output).toContain('small.json is written: 3 components');
    // 10 x 0.13 + 8.4 x 0.2 + 1.2 x 3 + 7.5, by hand.
    expect(output).toContain('2026-05-01 to 2026-06-01: 14.08 USD');
    expect(failed).toBe(false);
  });

  test('planted: a command that fails is seen to fail', async () => {
    expect(await run('npx ems-cli tariff lint examples/absent.json\ntrue')).toMatchObject({
      failed: true,
    });
  });
});
