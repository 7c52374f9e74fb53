import type { KeyObject } from 'node:crypto';
import { keyIdOf } from '../../db/fleet.ts';
import { accept } from '../../domain/outcome.ts';
import type { Answer } from '../answer.ts';
import { makeKeyFile, rawPublicKey, readKeyFile } from '../keyFile.ts';

function told(file: string, privateKey: KeyObject): Answer {
  const raw = rawPublicKey(privateKey);
  const publicKey = Buffer.from(raw).toString('base64');
  const keyId = Buffer.from(keyIdOf(raw)).toString('hex');
  return accept({ sentence: publicKey, facts: { file, publicKey, keyId } });
}

export function makeKey(file: string): Answer {
  const made = makeKeyFile(file);
  return made.ok ? told(file, made.value) : made;
}

export function showKey(file: string): Answer {
  const read = readKeyFile(file);
  return read.ok ? told(file, read.value) : read;
}
