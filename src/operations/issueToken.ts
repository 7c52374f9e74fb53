import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Viewer } from '../domain/access/viewer.ts';
import { assert } from '../domain/assert.ts';

/** Who signs and for whom; an API takes tokens of its own realm only. */
export const tokenRealm = { issuer: 'joulebook', audience: 'joulebook-api' } as const;

/**
 * An access token in the compact form of RFC 7515, 3.1: `at+jwt` (RFC 9068) under EdDSA (RFC 8037).
 * For a demonstration, a test and an operator at the command line; users get theirs from an
 * identity provider.
 */
export function issueToken(
  { privateKey, issuer, audience }: { privateKey: KeyObject; issuer: string; audience: string },
  token: { readonly viewer: Viewer; readonly nowMs: number; readonly lifetimeMs: number },
): Promise<string> {
  const { viewer, nowMs, lifetimeMs } = token;
  assert(privateKey.asymmetricKeyType === 'ed25519', 'tokens are signed by an Ed25519 key');
  assert((viewer.role === 'subscriber') === (viewer.accountId !== null), 'who has an account');
  return new SignJWT({
    company: viewer.companyId,
    role: viewer.role,
    account: viewer.accountId,
    persistedOnly: viewer.persistedOnly,
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(viewer.actor)
    .setIssuedAt(Math.floor(nowMs / 1_000))
    .setExpirationTime(Math.floor((nowMs + lifetimeMs) / 1_000))
    .sign(privateKey);
}
