import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runExamples } from '../../src/domain/rating/examples.ts';
import { componentShape } from '../../src/domain/tariff/componentShape.ts';
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

  /** What fenced blocks of a language hold; a word after `json` says what it is of. */
  const blocks = (kind: string): readonly unknown[] =>
    [...read('docs/tariffs.md').matchAll(/^```json ?(\w*)\n([\s\S]*?)^```$/gm)]
      .filter(([, found]) => found === kind)
      .map(([, , json = '']): unknown => JSON.parse(json));

  test('the tariff that teaches the document is one, and bills its own example', () => {
    const texts = blocks('tariff');
    expect(texts).toHaveLength(1);
    const parsed = parseTariffDocument(texts[0]);
    if (!parsed.ok) throw new Error(parsed.message);
    expect(runExamples(parsed.value, texts[0])).toEqual([
      { name: '100 kWh in one night of April', index: 0, outcome: { ok: true, value: null } },
    ]);
  });

  test('the components that docs/tariffs.md shows are components', () => {
    const texts = blocks('component');
    expect(texts).toHaveLength(5);
    for (const text of texts) expect(componentShape.safeParse(text).error).toBeUndefined();
    expect(blocks('')).toHaveLength(0);
  });
});
