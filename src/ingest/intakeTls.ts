import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';

/** PEM, as node:tls takes it. */
export type IntakeTls = {
  readonly cert: string;
  readonly key: string;
  /** Who signs the certificates of senders; then each must show one (mTLS). */
  readonly ca?: string;
};

export type TlsFiles = {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string | null;
};

export type TlsCode = 'TLS_FILE_MISSING' | 'TLS_KEY_EXPOSED' | 'TLS_MALFORMED';

function read(file: string): Outcome<string, TlsCode> {
  try {
    return accept(readFileSync(file, 'utf8'));
  } catch {
    return refuse('TLS_FILE_MISSING', `${file} cannot be read. Check JOULEBOOK_TLS_*.`);
  }
}

/** Certificate and key of the intake; a key that others can read is refused. */
export function readTls({ certFile, keyFile, caFile }: TlsFiles): Outcome<IntakeTls, TlsCode> {
  const cert = read(certFile);
  if (!cert.ok) return cert;
  const key = read(keyFile);
  if (!key.ok) return key;
  const mode = statSync(keyFile).mode & 0o777;
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    const message = `${keyFile} has mode ${mode.toString(8)}, so others can read it. chmod 600 it.`;
    return refuse('TLS_KEY_EXPOSED', message);
  }
  const ca = caFile === null ? null : read(caFile);
  if (ca !== null && !ca.ok) return ca;
  try {
    const parsed = createPrivateKey(key.value);
    if (!new X509Certificate(cert.value).checkPrivateKey(parsed)) {
      return refuse('TLS_MALFORMED', `${keyFile} is not the key of ${certFile}.`);
    }
  } catch {
    // What is wrong with it is not told: the text may be a secret of another kind.
    return refuse('TLS_MALFORMED', `${certFile} or ${keyFile} holds no PEM that can be used.`);
  }
  return accept({
    cert: cert.value,
    key: key.value,
    ...(ca !== null && { ca: ca.value }),
  });
}
