import { keyIdOf } from '../../db/fleet.ts';
import { accept } from '../../domain/outcome.ts';
import type { Answer } from '../answer.ts';
import { makeKeyFile, rawPublicKey } from '../keyFile.ts';

export function makeKey(file: string): Answer {
  const made = makeKeyFile(file);
  if (!made.ok) return made;
  const raw = rawPublicKey(made.value);
  const publicKey = Buffer.from(raw).toString('base64');
  const keyId = Buffer.from(keyIdOf(raw)).toString('hex');
  return accept({ sentence: publicKey, facts: { file, publicKey, keyId } });
}
