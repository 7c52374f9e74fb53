import { jwtVerify } from 'jose';
import type { CryptoKey, KeyObject } from 'jose';
import { z } from 'zod';
import { assert } from '../domain/assert.ts';
import { roles } from '../domain/access/viewer.ts';
import type { Viewer } from '../domain/access/viewer.ts';
import { parseAccountId, parseCompanyId } from '../domain/ids.ts';
import { clockSkewMs, tokenLengthMax } from '../domain/limits.ts';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

/**
 * Access tokens: `at+jwt` of RFC 9068 under Ed25519. Only compact serialisation in the one spelling
 * that base64url allows, since jose is lenient: 64 bytes of signature are 85 characters and one
 * of four.
 */
const compactForm = /^[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{85}[AQgw]$/;

export type TokenRealm = { readonly issuer: string; readonly audience: string };

export type TokenVerifier = TokenRealm & { readonly publicKey: CryptoKey | KeyObject };

export type VerifiedToken = { readonly viewer: Viewer; readonly expiresAtMs: number };

const claimsShape = z.object({
  sub: z.string().min(1).max(200),
  exp: z.number().int(),
  company: z.number(),
  role: z.enum(roles),
  account: z.number().nullable(),
  persistedOnly: z.boolean(),
});

const refused = refuse(
  'TOKEN_INVALID',
  'The access token is missing, altered, expired or not for this API. Get a new one and send it ' +
    'as "Authorization: Bearer ..." or as "token" in connection_init.',
);

function viewerOf(claims: z.infer<typeof claimsShape>): Viewer | null {
  const company = parseCompanyId(claims.company);
  const isSubscriber = claims.role === 'subscriber';
  const account = claims.account === null ? null : parseAccountId(claims.account);
  // A subscriber has an account and nobody else has one: anything else is a broken token.
  if (!company.ok || isSubscriber !== (account !== null) || account?.ok === false) return null;
  return {
    companyId: company.value,
    role: claims.role,
    accountId: account?.value ?? null,
    actor: claims.sub,
    persistedOnly: claims.persistedOnly,
  };
}

export async function verifyToken(
  { publicKey, issuer, audience }: TokenVerifier,
  token: string,
  nowMs: number,
): Promise<Outcome<VerifiedToken, 'TOKEN_INVALID'>> {
  if (token.length > tokenLengthMax || !compactForm.test(token)) return refused;
  assert(Number.isSafeInteger(nowMs), 'the time is an epoch in milliseconds');
  let payload: unknown;
  try {
    const verified = await jwtVerify(token, publicKey, {
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
      issuer,
      audience,
      requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub', 'company', 'role'],
      clockTolerance: clockSkewMs / 1_000,
      currentDate: new Date(nowMs),
    });
    payload = verified.payload;
  } catch {
    return refused; // Why is nobody's business who cannot sign.
  }
  const claims = claimsShape.safeParse(payload);
  const viewer = claims.success ? viewerOf(claims.data) : null;
  if (!claims.success || viewer === null) return refused;
  return accept({ viewer, expiresAtMs: claims.data.exp * 1_000 });
}
