import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { providersWith } from '../../src/providers/paymentProviders.ts';

const secret = JSON.stringify({ apiKey: 'sk_test_1', webhookSecret: 'whsec_1' });
let dataDirectory: string;
beforeAll(() => {
  dataDirectory = mkdtempSync(path.join(tmpdir(), 'joulebook-secret-'));
});
afterAll(() => rmSync(dataDirectory, { recursive: true }));

function providerOf(id: number, settings: unknown = {}, env: Record<string, string> = {}) {
  return providersWith({ dataDirectory, env })({ id, kind: 'stripe', settings });
}

describe('the secret of a channel (005.2)', () => {
  test('is a file for its owner alone, or a variable', () => {
    const file = path.join(dataDirectory, 'payment-channel-7.json');
    expect(providerOf(7)).toMatchObject({ ok: false, code: 'CHANNEL_SECRET_MISSING' });
    writeFileSync(file, secret, { mode: 0o644 });
    chmodSync(file, 0o644);
    expect(providerOf(7)).toMatchObject({ ok: false, code: 'CHANNEL_SECRET_EXPOSED' });
    chmodSync(file, 0o600);
    expect(providerOf(7)).toMatchObject({ ok: true });
    writeFileSync(file, '{"apiKey":"sk_test_1"}');
    const malformed = providerOf(7);
    expect(malformed).toMatchObject({ ok: false, code: 'CHANNEL_SECRET_MALFORMED' });
    expect(JSON.stringify(malformed)).not.toContain('sk_test_1');
    const env = { JOULEBOOK_PAYMENT_CHANNEL_8: secret };
    expect(providerOf(8, {}, env)).toMatchObject({ ok: true });
  });

  test.each([
    [{ apiBase: 'http://stripe.example' }],
    [{ apiBase: 'ftp://127.0.0.1' }],
    [{ account: 'somebody' }],
    [{ apikey: 'sk_test_1' }],
  ])('settings %j are refused', (settings) => {
    const env = { JOULEBOOK_PAYMENT_CHANNEL_9: secret };
    expect(providerOf(9, settings, env)).toMatchObject({ code: 'CHANNEL_SETTINGS_MALFORMED' });
  });

  test('a counter has no provider', () => {
    const counter = { id: 1, kind: 'counter', settings: {} };
    const found = providersWith({ dataDirectory, env: {} })(counter);
    expect(found).toMatchObject({ ok: false, code: 'CHANNEL_WITHOUT_PROVIDER' });
  });
});
