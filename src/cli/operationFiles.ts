import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { accept, refuse } from '../domain/outcome.ts';
import type { Outcome } from '../domain/outcome.ts';
import { readJson, readText } from './inputFile.ts';
import type { InputCode } from './inputFile.ts';

export type OperationFileCode =
  | InputCode
  | 'MANIFEST_MALFORMED'
  | 'MANIFEST_HASH_WRONG'
  | 'OPERATIONS_MISSING';

export type NamedDocument = { readonly name: string; readonly document: string };

const manifestShape = z.record(z.string(), z.string().min(1));
const operationName = /\b(?:query|mutation|subscription)\s+([_A-Za-z][_0-9A-Za-z]*)/;

function nameOf(document: string, fallback: string): string {
  return operationName.exec(document)?.[1] ?? fallback;
}

/** As graphql-codegen's client preset and Relay write it: the SHA-256 of each document, and it. */
function readManifest(file: string): Outcome<readonly NamedDocument[], OperationFileCode> {
  const json = readJson(file);
  if (!json.ok) return json;
  const manifest = manifestShape.safeParse(json.value);
  if (!manifest.success) {
    const message = `${file} is no manifest; write {"<sha256 of the document>": "<document>"}.`;
    return refuse('MANIFEST_MALFORMED', message);
  }
  const documents: NamedDocument[] = [];
  for (const [hash, document] of Object.entries(manifest.data)) {
    const digest = createHash('sha256').update(document).digest('hex');
    if (hash.replace(/^sha256:/, '') !== digest) {
      const message =
        `${file} names a document ${hash.slice(0, 80)}, its SHA-256 is ${digest}. ` +
        'Generate the manifest again, with sha256.';
      return refuse('MANIFEST_HASH_WRONG', message);
    }
    documents.push({ document, name: nameOf(document, digest.slice(0, 12)) });
  }
  return accept(documents);
}

function readOne(file: string): Outcome<readonly NamedDocument[], OperationFileCode> {
  if (file.endsWith('.json')) return readManifest(file);
  const text = readText(file);
  if (!text.ok) return text;
  const fallback = path.basename(file, path.extname(file));
  return accept([{ document: text.value, name: nameOf(text.value, fallback) }]);
}

/** The documents of a file, or of a folder's *.graphql, *.gql and *.json in their order. */
export function readOperations(
  source: string,
): Outcome<readonly NamedDocument[], OperationFileCode> {
  const isFolder = statSync(source, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const files = isFolder
    ? readdirSync(source)
        .filter((name) => /\.(graphql|gql|json)$/.test(name))
        .toSorted()
        .map((name) => path.join(source, name))
    : [source];
  const documents: NamedDocument[] = [];
  for (const file of files) {
    const read = readOne(file);
    if (!read.ok) return read;
    documents.push(...read.value);
  }
  if (documents.length > 0) return accept(documents);
  const message = `${source} holds no document. Give a .graphql file, a manifest or their folder.`;
  return refuse('OPERATIONS_MISSING', message);
}
