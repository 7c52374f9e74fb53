import { accept } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { openFileSigner } from '../signers/fileSigner.ts';
import { openTokenSigner } from '../signers/pkcs11Signer.ts';
import type { Signer } from '../wire/signer.ts';
import type { Closing } from './closing.ts';
import type { Config } from './config.ts';

/** The key that seals: on a token where one is configured, else in a file; null: in neither. */
export async function openSigner(
  { config, closing }: { readonly config: Config; readonly closing: Closing },
  file: string | null,
): Promise<Outcome<Signer | null, string>> {
  if (config.signerToken === null) return file === null ? accept(null) : openFileSigner(file);
  const opened = await openTokenSigner(config.signerToken);
  if (opened.ok) closing.add('token', () => opened.value.close());
  return opened;
}
