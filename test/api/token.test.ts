import { generateKeyPairSync } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueToken } from '../../src/operations/issueToken.ts';
import { verifyToken } from '../../src/schema/token.ts';
import { openWorld, realm, signingKey, viewerOf } from './world.ts';
import type { World } from './world.ts';

const key = generateKeyPairSync('ed25519');
const verifier = { ...realm, publicKey: key.publicKey };
const signer = { ...realm, privateKey: key.privateKey };
const viewer = viewerOf('subscriber', { account: 100 });
const nowMs = 1_800_000_000_000;
const valid = { viewer, nowMs, lifetimeMs: 600_000 };

const claims = { company: 1, role: 'operator', account: null, persistedOnly: false, sub: 'x' };

function signed(changed: object, header: { alg?: string; typ?: string } = {}) {
  return new SignJWT({
    ...claims,
    iss: realm.issuer,
    aud: realm.audience,
    iat: 1,
    exp: 2e9,
    ...changed,
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', ...header })
    .sign(key.privateKey);
}

describe('a token', () => {
  test('that we signed is its viewer until it ends', async () => {
    const token = await issueToken(signer, valid);
    expect(await verifyToken(verifier, token, nowMs)).toEqual({
      ok: true,
      value: { viewer, expiresAtMs: nowMs + 600_000 },
    });
    expect(await verifyToken(verifier, token, nowMs + 606_000)).toMatchObject({ ok: false });
  });

  test('altered in any character is refused', async () => {
    const token = await issueToken(signer, valid);
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === 'A' ? 'B' : 'A';
      const altered = token.slice(0, at) + other + token.slice(at + 1);
      expect(await verifyToken(verifier, altered, nowMs)).toMatchObject({ code: 'TOKEN_INVALID' });
    }
  });

  test('in another spelling of the same bytes is refused', async () => {
    const token = await issueToken(signer, valid);
    for (const spelling of [`${token}=`, ` ${token}`, `${token}\n`, token.replace('.', '=.')]) {
      expect(await verifyToken(verifier, spelling, nowMs)).toMatchObject({ ok: false });
    }
  });

  test('of another key, issuer, audience, type or algorithm is refused', async () => {
    expect(await verifyToken(verifier, await signed({}), nowMs)).toMatchObject({ ok: true });
    const none = new UnsecuredJWT({ ...claims, iss: realm.issuer, aud: realm.audience }).encode();
    const secret = new TextEncoder().encode('a secret of thirty-two characters');
    const hmac = await new SignJWT({
      ...claims,
      iss: realm.issuer,
      aud: realm.audience,
      iat: 1,
      exp: 2e9,
    })
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
      .sign(secret);
    const tokens = [
      await signed({ iss: 'https://other.test' }),
      await signed({ aud: 'other' }),
      await signed({}, { typ: 'JWT' }),
      none,
      hmac,
      '',
      'x'.repeat(10_000),
    ];
    for (const token of tokens) {
      expect(await verifyToken(verifier, token, nowMs)).toMatchObject({ ok: false });
    }
    const stranger = { ...realm, publicKey: generateKeyPairSync('ed25519').publicKey };
    expect(await verifyToken(stranger, await signed({}), nowMs)).toMatchObject({ ok: false });
  });

  const broken: [string, object][] = [
    ['an unknown role', { role: 'root' }],
    ['a subscriber without an account', { role: 'subscriber' }],
    ['an operator with an account', { account: 100 }],
    ['no company', { company: undefined }],
    ['a company that is text', { company: '1' }],
    ['no end', { exp: undefined }],
    ['no subject', { sub: undefined }],
  ];
  test.each(broken)('with %s is refused', async (_name, changed) => {
    expect(await verifyToken(verifier, await signed(changed), nowMs)).toMatchObject({ ok: false });
  });
});

describe('without a token that holds', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld('token');
  });
  afterAll(async () => {
    await world.close();
  });

  test('HTTP answers 401 and a code, whatever is asked', async () => {
    const query = '{ __typename }';
    expect(await world.post(null, { query })).toMatchObject({
      status: 401,
      body: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    });
    const late = { viewer, nowMs: Date.now() - 3_600_000, lifetimeMs: 60_000 };
    const ended = await issueToken({ ...realm, privateKey: signingKey }, late);
    const headers = { authorization: `Bearer ${ended}` };
    expect(await world.post(null, { query }, headers)).toMatchObject({ status: 401 });
  });

  test('GraphiQL is shown in the sandbox alone, and asks for a token itself', async () => {
    const headers = { accept: 'text/html' };
    expect((await fetch(`${world.base}/graphql`, { headers })).status).toBe(401);
    const sandbox = await openWorld('sandbox', { sandbox: true });
    const page = await fetch(`${sandbox.base}/graphql`, { headers });
    expect(await page.text()).toContain('GraphiQL');
    expect(await sandbox.post(null, { query: '{ __typename }' })).toMatchObject({ status: 401 });
    // An accepted page does not open the door for a query in its address.
    const query = new URLSearchParams({ query: '{ viewer { role } }' });
    const asked = await fetch(`${sandbox.base}/graphql?${query}`, { headers });
    expect(await asked.text()).not.toContain('OPERATOR');
    await sandbox.close();
  });

  test('a page of another origin is not told that it may read', async () => {
    const preflight = (origin: string) =>
      fetch(`${world.base}/graphql`, { method: 'OPTIONS', headers: { origin } });
    const header = 'access-control-allow-origin';
    expect((await preflight('https://evil.test')).headers.get(header)).toBeNull();
    expect((await preflight('https://portal.test')).headers.get(header)).toBe(
      'https://portal.test',
    );
  });
});
