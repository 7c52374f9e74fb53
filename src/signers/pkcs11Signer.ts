import { readFileSync, statSync } from 'node:fs';
import type { PKCS11 } from 'pkcs11js';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { signerKeyId } from '../wire/signer.ts';
import type { Signer } from '../wire/signer.ts';

/** Where the key is: it never leaves the token. */
export type TokenKey = {
  /** The PKCS#11 library of the token's maker. */
  readonly library: string;
  readonly tokenLabel: string;
  readonly keyLabel: string;
  /** A file of mode 0600 with the user's PIN in its first line. */
  readonly pinFile: string;
};

export type TokenCode =
  | 'SIGNER_PKCS11_ABSENT'
  | 'SIGNER_PIN_EXPOSED'
  | 'SIGNER_TOKEN_ABSENT'
  | 'SIGNER_KEY_ABSENT'
  | 'SIGNER_TOKEN_REFUSED';

export type TokenSigner = Signer & { close(): void };

/** Source: OASIS PKCS#11 3.0, 2.3.12 EdDSA, and its header file. */
const cks = {
  serialSession: 0x4,
  user: 1,
  classAttribute: 0x0,
  labelAttribute: 0x3,
  ecPointAttribute: 0x181,
  publicKeyClass: 2,
  privateKeyClass: 3,
  eddsa: 0x1057,
} as const;

const publicKeyBytes = 32;
const signatureBytes = 64;

async function loadPackage(): Promise<PKCS11 | null> {
  try {
    const { PKCS11: Token } = await import('pkcs11js');
    return new Token();
  } catch {
    return null;
  }
}

function findKey(
  token: PKCS11,
  session: Buffer,
  { kind, label }: { readonly kind: number; readonly label: string },
): Buffer | null {
  token.C_FindObjectsInit(session, [
    { type: cks.classAttribute, value: kind },
    { type: cks.labelAttribute, value: label },
  ]);
  const [key] = token.C_FindObjects(session, 1);
  token.C_FindObjectsFinal(session);
  return key ?? null;
}

function openKey(token: PKCS11, at: TokenKey): Outcome<TokenSigner, TokenCode> {
  const slot = token
    .C_GetSlotList(true)
    .find((each) => token.C_GetTokenInfo(each).label.trim() === at.tokenLabel);
  if (slot === undefined) {
    const message = `${at.library} has no token "${at.tokenLabel}". Put it in or name another.`;
    return refuse('SIGNER_TOKEN_ABSENT', message);
  }
  const session = token.C_OpenSession(slot, cks.serialSession);
  const pin = readFileSync(at.pinFile, 'utf8').split('\n', 1)[0];
  token.C_Login(session, cks.user, pin);
  const label = at.keyLabel;
  const privateKey = findKey(token, session, { kind: cks.privateKeyClass, label });
  const publicObject = findKey(token, session, { kind: cks.publicKeyClass, label });
  if (privateKey === null || publicObject === null) {
    const message = `Token "${at.tokenLabel}" has no Ed25519 key pair "${label}". Make it there.`;
    return refuse('SIGNER_KEY_ABSENT', message);
  }
  const template = [{ type: cks.ecPointAttribute }];
  const [{ value }] = token.C_GetAttributeValue(session, publicObject, template);
  // A DER octet string around the point, or the point alone: its last 32 bytes either way.
  const publicKey = Uint8Array.from(Buffer.from(value ?? '').subarray(-publicKeyBytes));
  return accept({
    keyId: signerKeyId(publicKey),
    publicKey,
    sign: async (bytes) => {
      token.C_SignInit(session, { mechanism: cks.eddsa }, privateKey);
      return token.C_Sign(session, Buffer.from(bytes), Buffer.alloc(signatureBytes));
    },
    close: () => {
      token.C_CloseSession(session);
      token.C_Finalize();
      token.close();
    },
  });
}

/** The signer of a key on a token. The package is loaded only here: it is built natively. */
export async function openTokenSigner(at: TokenKey): Promise<Outcome<TokenSigner, TokenCode>> {
  const stat = statSync(at.pinFile, { throwIfNoEntry: false });
  if (stat === undefined || (process.platform !== 'win32' && (stat.mode & 0o077) !== 0)) {
    const message = `${at.pinFile} must hold the PIN and be readable by its owner alone (0600).`;
    return refuse('SIGNER_PIN_EXPOSED', message);
  }
  const token = await loadPackage();
  if (token === null) {
    const message = 'The package pkcs11js is not built. Install a C++ compiler, then npm ci.';
    return refuse('SIGNER_PKCS11_ABSENT', message);
  }
  let opened: Outcome<TokenSigner, TokenCode>;
  try {
    token.load(at.library);
    token.C_Initialize();
    opened = openKey(token, at);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown';
    opened = refuse('SIGNER_TOKEN_REFUSED', `The token refuses: ${why}.`);
  }
  if (!opened.ok) token.close();
  return opened;
}
