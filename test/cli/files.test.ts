import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { plainDashes } from '../../src/cli/dashes.ts';
import { readKeyFile } from '../../src/cli/keyFile.ts';
import { callCli, lineOf, runCli, temporaryFolder } from './runCli.ts';

const folder = temporaryFolder();
const fileIn = (name: string, text: string) => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};

describe('options pasted from a manual', () => {
  // The source's `ems-cli register –meter` is written with an en dash (requirement X7).
  test('an en or em dash in front of an option is two hyphens', () => {
    expect(plainDashes(['–meter', '—profile=a–b', '–h', '–-dry-run'])).toEqual([
      '--meter',
      '--profile=a–b',
      '-h',
      '--dry-run',
    ]);
  });

  test('values, numbers and lone dashes stay as they are', () => {
    const words = ['–5.00', '–', 'a–b', '–Two words', '--json', '-h', ''];
    expect(plainDashes(words)).toEqual(words);
  });

  test('a whole command with en dashes runs', async () => {
    const run = await runCli(['tariff', 'lint', 'examples/tariff.json', '–json']);
    expect(run.exitCode).toBe(0);
    expect(lineOf(run)).toMatchObject({ ok: true, currency: 'EUR', zone: 'Europe/Berlin' });
  });
});

describe('calls that are wrong end with 2 and one sentence', () => {
  test.each([
    [['unheard-of'], "unknown command 'unheard-of'"],
    [['tariff', 'lint'], "missing required argument 'file'"],
    [['tariff', 'lint', 'a', '--loud'], "unknown option '--loud'"],
    [['migrate'], 'set DATABASE_URL'],
    [['migrate', '--database', 'mysql://x/y'], 'set DATABASE_URL'],
    [['token', 'make', '--role', 'operator', '--company', 'A'], 'give --key FILE, or --data DIR'],
    [
      ['token', 'make', '--key', 'k', '--role', 'king', '--company', 'A'],
      '"king" is no role; roles are subscriber',
    ],
    [
      ['token', 'make', '--key', 'k', '--role', 'subscriber', '--company', 'A'],
      '--account NUMBER is for --role subscriber',
    ],
    [
      ['token', 'make', '--key', 'k', '--role', 'operator', '--company', 'A', '--hours', '25'],
      '--hours is above 0 and at most 24',
    ],
    [[], 'name a command'],
  ])('%j', async (args, sentence) => {
    const run = await runCli(args);
    expect(run.exitCode).toBe(2);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain(`COMMAND_MISUSED: ${sentence}`);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a script reads the same as JSON from stdout', async () => {
    const run = await runCli(['tariff', 'lint', '--json']);
    expect(run).toMatchObject({ exitCode: 2, stderr: '' });
    expect(lineOf(run)).toMatchObject({ ok: false, code: 'COMMAND_MISUSED' });
  });

  test('help is no mistake', async () => {
    const run = await runCli(['fleet', '--help']);
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain('register [options] <file>');
  });
});

describe('key make', () => {
  test('writes a private key that only its owner reads, and never over another', async () => {
    const file = path.join(folder, 'edge.pem');
    const made = await runCli(['key', 'make', file, '--json']);
    expect(made.exitCode).toBe(0);
    expect(lineOf(made)).toMatchObject({
      ok: true,
      // 32 bytes are 43 digits of base64 and one of padding.
      publicKey: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const before = readFileSync(file, 'utf8');
    expect(before).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    expect(made.stdout).not.toContain(before.split('\n')[1] ?? '-');

    const again = await runCli(['key', 'make', file]);
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain('KEY_FILE_EXISTS');
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test('a key that is there is shown as when it was made, never its secret', async () => {
    const file = path.join(folder, 'shown.pem');
    const made = await callCli(['key', 'make', file, '--json']);
    const shown = await callCli(['key', 'show', file, '--json']);
    expect(shown).toEqual(made);
    const again = await callCli(['key', 'make', file]);
    expect(again.stderr).toContain(`ems-cli key show ${file}`);
  });

  test('a key that others can read, or that is none, is refused', () => {
    const none = fileIn('none.pem', 'secret of another kind');
    chmodSync(none, 0o640);
    expect(readKeyFile(none)).toMatchObject({ ok: false, code: 'KEY_FILE_EXPOSED' });
    chmodSync(none, 0o600);
    expect(readKeyFile(none)).toMatchObject({ ok: false, code: 'KEY_MALFORMED' });
    expect(readKeyFile(path.join(folder, 'absent.pem'))).toMatchObject({
      ok: false,
      code: 'KEY_FILE_MISSING',
    });
  });
});

describe('tariff lint', () => {
  test('tells a sound document in plain words', async () => {
    const run = await runCli(['tariff', 'lint', 'examples/tariff.json']);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toContain('examples/tariff.json is sound: EUR, Europe/Berlin');
    expect(run.stdout).toContain('winter peak 0.38 EUR/kWh');
    expect(run.stdout).toContain('grid fee (energy): import costs night 0.0834 EUR/kWh');
  });

  test('a period without a price is refused with its place', async () => {
    const text = readFileSync('examples/tariff.json', 'utf8');
    const file = fileIn('tariff.json', text.replace('"night": "0.21", ', ''));
    const run = await runCli(['tariff', 'lint', file, '--json']);
    expect(run.exitCode).toBe(1);
    expect(lineOf(run)).toMatchObject({
      ok: false,
      code: 'TARIFF_PRICE_MISSING',
      path: ['components', '0', 'prices', 'night'],
    });
  });

  test.each([
    ['not JSON', '{"currency": ', 'JSON_MALFORMED'],
    [
      'a tariff without a calendar',
      '{"currency":"EUR","calendars":[],"components":[]}',
      'TARIFF_MALFORMED',
    ],
  ])('%s is refused', async (_what, text, code) => {
    const run = await runCli(['tariff', 'lint', fileIn('bad.json', text)]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain(`${code}: `);
  });
});

describe('fleet register --dry-run', () => {
  test('the example is sound, and needs no database', async () => {
    const run = await runCli(['fleet', 'register', 'examples/fleet.json', '--dry-run', '--json']);
    expect(run.exitCode).toBe(0);
    expect(lineOf(run)).toEqual({
      ok: true,
      dryRun: true,
      company: 'Meadow Light Cooperative',
      meters: 2,
    });
  });

  test.each([
    ['micros as a number', '"reconnectMicros": "500000"', '"reconnectMicros": 500000'],
    ['an instant without its offset', '2027-01-01T00:00:00+01:00', '2027-01-01T00:00:00'],
    ['a field that nobody knows', '"serial": "SDM-0001"', '"serial": "SDM-0001", "color": "red"'],
  ])('%s is refused by its place in the file', async (_what, from, to) => {
    const text = readFileSync('examples/fleet.json', 'utf8');
    expect(text).toContain(from);
    const file = fileIn('fleet.json', text.replace(from, to));
    const run = await runCli(['fleet', 'register', file, '--dry-run', '--json']);
    expect(run.exitCode).toBe(1);
    expect(lineOf(run)).toMatchObject({ code: 'FLEET_FILE_MALFORMED' });
  });

  test('a reference to nothing is refused', async () => {
    const text = readFileSync('examples/fleet.json', 'utf8');
    const file = fileIn('fleet.json', text.replace('"tariff": "household"', '"tariff": "none"'));
    const run = await runCli(['fleet', 'register', file, '--dry-run']);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('FLEET_REFERENCE_UNKNOWN: agreements.0.tariff');
  });
});
