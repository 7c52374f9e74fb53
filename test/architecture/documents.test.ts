import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseTariffDocument } from '../../src/domain/tariff/document.ts';
import { projectFiles, projectRoot } from './projectFiles.ts';

const documents = projectFiles().filter((file) => file.endsWith('.md'));

/** Folders whose files the documents may name; below them a wrong name is a lie. */
const ourFolders = 'src|test|docs|lint|scripts|bench|deploy|examples';
const namedPath = new RegExp(`(?<![\\w./-])(?:${ourFolders})/[\\w./-]*`, 'g');
const linkTarget = /\]\((?!https?:|#)([^)\s#]+)(?:#[^)]*)?\)/g;

/** Made by whoever follows the guide. */
const madeByReaders = /^deploy\/secrets/;

function isThere(file: string): boolean {
  return existsSync(path.join(projectRoot, file));
}

/** Paths and links of a document that lead nowhere. */
function deadNames(document: string, text: string): readonly string[] {
  const named = [...text.matchAll(namedPath)].map(([name]) => name.replace(/[./-]+$/, ''));
  const linked = [...text.matchAll(linkTarget)].map(([, target = '']) =>
    path.posix.join(path.posix.dirname(document), target),
  );
  return [...named.filter((name) => !madeByReaders.test(name)), ...linked].filter(
    (name) => !isThere(name),
  );
}

/** `npm run NAME`, `npm NAME`: scripts that a reader would call. */
function deadScripts(text: string): readonly string[] {
  const manifest = readFileSync(path.join(projectRoot, 'package.json'), 'utf8');
  return [...text.matchAll(/npm run ([\w:-]+)/g)]
    .map(([, name = '']) => name)
    .filter((name) => !manifest.includes(`"${name}":`));
}

const read = (document: string) => readFileSync(path.join(projectRoot, document), 'utf8');

describe('the documents', () => {
  test('are found', () => {
    expect(documents).toEqual(
      expect.arrayContaining(['CONTRIBUTING.md', 'docs/ARCHITECTURE.md', 'docs/GLOSSARY.md']),
    );
  });

  test.each(documents)('every file and script that %s names exists', (document) => {
    expect(deadNames(document, read(document))).toEqual([]);
    expect(deadScripts(read(document))).toEqual([]);
  });

  test('planted: a file, a link and a script that do not exist are found', () => {
    const text = 'See `src/db/nothing.ts`, [this](../nowhere.md), `npm run nothing`, src/db/.';
    expect(deadNames('docs/planted.md', text)).toEqual(['src/db/nothing.ts', 'nowhere.md']);
    expect(deadScripts(text)).toEqual(['nothing']);
  });

  test('the tariff of the tariff document is one', () => {
    const [, json = ''] =
      /```json tariff\n([\s\S]*?)```/.exec(read('docs/tariff-document.md')) ?? [];
    expect(parseTariffDocument(JSON.parse(json))).toMatchObject({
      ok: true,
      value: { currency: 'EUR', components: [{ pricesE8: [20_000_000n, 30_000_000n] }] },
    });
  });
});
