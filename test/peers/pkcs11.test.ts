import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTokenSigner } from '../../src/signers/pkcs11Signer.ts';
import type { TokenKey } from '../../src/signers/pkcs11Signer.ts';
import { isSignatureOf } from '../../src/wire/signer.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'joulebook-token-'));
let at: TokenKey;

/** A missing peer fails the suite with the one command that installs it; it is never skipped. */
function requireSoftHsm(): string {
  const places = ['/usr/lib/softhsm', '/usr/lib/x86_64-linux-gnu/softhsm'];
  const library = places.map((place) => `${place}/libsofthsm2.so`).find(existsSync);
  if (library === undefined) {
    throw new Error('SoftHSM2 is missing. Install it: apt-get install -y softhsm2 opensc');
  }
  return library;
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'pipe' });
}

beforeAll(() => {
  const library = requireSoftHsm();
  const tokens = path.join(folder, 'tokens');
  mkdirSync(tokens);
  const config = path.join(folder, 'softhsm2.conf');
  writeFileSync(config, `directories.tokendir = ${tokens}\nobjectstore.backend = file\n`);
  process.env['SOFTHSM2_CONF'] = config;
  const pinFile = path.join(folder, 'pin');
  writeFileSync(pinFile, '1234\n', { mode: 0o600 });
  const token = ['--label', 'house', '--so-pin', '5678', '--pin', '1234'];
  run('softhsm2-util', ['--init-token', '--free', ...token]);
  const key = ['--keypairgen', '--key-type', 'EC:edwards25519', '--label', 'seals', '--id', '01'];
  run('pkcs11-tool', ['--module', library, '--token-label', 'house', '--pin', '1234', ...key]);
  at = { library, tokenLabel: 'house', keyLabel: 'seals', pinFile };
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a key that never leaves its token signs as the file driver does', async () => {
  const opened = await openTokenSigner(at);
  if (!opened.ok) throw new Error(`${opened.code}: ${opened.message}`);
  const signer = opened.value;
  const bytes = new TextEncoder().encode('a head');
  const signature = await signer.sign(bytes);
  signer.close();
  expect(isSignatureOf(signer.publicKey, { bytes, signature })).toBe(true);
  expect(isSignatureOf(signer.publicKey, { bytes: bytes.subarray(1), signature })).toBe(false);
});

test('a token, a key or a PIN that is not there is refused with a code', async () => {
  expect(await openTokenSigner({ ...at, tokenLabel: 'other' })).toMatchObject({
    code: 'SIGNER_TOKEN_ABSENT',
  });
  expect(await openTokenSigner({ ...at, keyLabel: 'other' })).toMatchObject({
    code: 'SIGNER_KEY_ABSENT',
  });
  expect(await openTokenSigner({ ...at, pinFile: path.join(folder, 'none') })).toMatchObject({
    code: 'SIGNER_PIN_EXPOSED',
  });
});
