import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openAuditFile } from '../../src/signers/auditFile.ts';
import { openCheckpointFile, readCheckpointFile } from '../../src/signers/checkpointFile.ts';
import { billingKeysFile, openFileSigner } from '../../src/signers/fileSigner.ts';
import type { Checkpoint } from '../../src/wire/checkpoint.ts';
import { isSignatureOf } from '../../src/wire/signer.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'joulebook-signers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = new TextEncoder().encode('a head');

test('requirement 000.26: the key is made once, for its owner alone, else refused', async () => {
  const file = path.join(folder, billingKeysFile);
  const made = openFileSigner(file);
  if (!made.ok) throw new Error(made.message);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = openFileSigner(file);
  if (!again.ok) throw new Error(again.message);
  expect(again.value.keyId).toEqual(made.value.keyId);
  const signature = await again.value.sign(bytes);
  expect(isSignatureOf(made.value.publicKey, { bytes, signature })).toBe(true);
  expect(isSignatureOf(made.value.publicKey, { bytes: bytes.subarray(1), signature })).toBe(false);
  for (const mode of [0o640, 0o604, 0o610]) {
    chmodSync(file, mode);
    expect(openFileSigner(file)).toMatchObject({ ok: false, code: 'BILLING_KEYS_EXPOSED' });
  }
});

test('a file that holds no Ed25519 key is refused, and what is in it is not told', () => {
  const file = path.join(folder, 'other.pem');
  appendFileSync(file, 'top secret', { mode: 0o600 });
  const opened = openFileSigner(file);
  expect(opened).toMatchObject({ ok: false, code: 'BILLING_KEYS_MALFORMED' });
  expect(JSON.stringify(opened)).not.toContain('top secret');
});

function checkpoint(ordinal: bigint): Checkpoint {
  const hex = 'ab';
  return {
    kind: 'sealed',
    shard: 0,
    ordinal,
    head: hex,
    sealedAt: '2026-03-01T12:00:00Z',
    keyId: hex,
    publicKey: hex,
    signature: hex,
  };
}

test('a power cut within a checkpoint leaves the one before, and the next is whole', async () => {
  const file = path.join(folder, 'checkpoints', 'seals.jsonl');
  const store = openCheckpointFile(file);
  expect(await store.newest()).toBeNull();
  await store.append(checkpoint(1n));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  appendFileSync(file, '{"kind":"sealed","ordi');
  expect(await store.newest()).toEqual(checkpoint(1n));
  await store.append(checkpoint(2n));
  expect(await store.newest()).toEqual(checkpoint(2n));
  // A second cut, just behind the end of the line that it began with.
  appendFileSync(file, '{"kind":"sealed","ordi\n');
  expect(await store.newest()).toEqual(checkpoint(2n));
  const all: Checkpoint[] = [];
  for await (const each of readCheckpointFile(file)) all.push(each);
  expect(all).toEqual([checkpoint(1n), checkpoint(2n)]);
});

test('the audit file knows where it stopped', async () => {
  const file = path.join(folder, 'audit.log');
  const audit = openAuditFile(file);
  expect(await audit.position()).toBeNull();
  await audit.append([
    { seal: 3n, row: 0, entry: { actor: 'a' } },
    { seal: 3n, row: 1, entry: { actor: 'b' } },
  ]);
  expect(await audit.position()).toEqual({ seal: 3n, row: 1 });
  expect(readFileSync(file, 'utf8').split('\n')[1]).toBe('{"seal":"3","row":1,"actor":"b"}');
  appendFileSync(file, '{"seal":"3","row":2,"act\n');
  expect(await audit.position()).toEqual({ seal: 3n, row: 1 });
});
