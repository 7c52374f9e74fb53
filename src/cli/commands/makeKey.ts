import { accept } from '../../domain/outcome.ts';
import type { Answer } from '../answer.ts';
import { makeKeyFile, rawPublicKey } from '../keyFile.ts';

export function makeKey(file: string): Answer {
  const made = makeKeyFile(file);
  if (!made.ok) return made;
  const publicKey = Buffer.from(rawPublicKey(made.value)).toString('base64');
  return accept({ sentence: publicKey, facts: { file, publicKey } });
}
