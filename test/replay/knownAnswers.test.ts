import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

type Ended = { readonly code: number | string; readonly output: string };

function runScript(name: string, args: readonly string[]): Promise<Ended> {
  const script = fileURLToPath(new URL(`../../scripts/${name}.ts`, import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, output: stdout + stderr });
    });
  });
}

test.each([
  [['no-such-folder'], /^DATA_ABSENT: no-such-folder does not hold .*: .*-- DIR \[.*\]\n$/],
  [[], /^DATA_ABSENT: name the folder of known answers: npm run known-answers -- DIR \[.*\]\n$/],
])('without the folder of data the command fails and says what to give', async (args, says) => {
  const ended = await runScript('knownAnswers', args);
  expect(ended.code).toBe(1);
  expect(ended.output).toMatch(says);
});

describe.each([
  ['knownAnswers', 'npm run known-answers -- '],
  ['replay', 'npm run replay -- '],
  ['replayLog', 'npm run replay:log -- '],
  ['simulate', 'npm run simulate -- '],
])('the command %s', (name, usage) => {
  test('asked for help tells its usage and does nothing', async () => {
    const { code, output } = await runScript(name, ['--help']);
    expect(code).toBe(0);
    expect(output.startsWith(usage)).toBe(true);
    expect(output.trimEnd()).not.toContain('\n');
  });

  test('with an option that is not known says so in one line', async () => {
    const { code, output } = await runScript(name, ['--colour']);
    expect(code).toBe(2);
    expect(output).toMatch(/^ARGUMENT_UNKNOWN: Unknown option '--colour'; usage: .+\n$/);
    expect(output).toContain(usage);
  });
});
