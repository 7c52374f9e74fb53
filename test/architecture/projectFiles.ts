import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Made by tools or planted on purpose; everything else in the tree is ours to keep tidy. */
const foreign = [
  'node_modules',
  '.git',
  '.joulebook',
  'coverage',
  'package-lock.json',
  'test/architecture/planted',
];

const textFile = /\.([cm]?[jt]sx?|md|json|ya?ml|sql|graphql|sh|proto)$|^\.ci\/|^Dockerfile/;

export const projectRoot = path.resolve(import.meta.dirname, '../..');

/** Every text file of the project, relative to its root. Not by git: an unpacked archive counts. */
export function projectFiles(folder = ''): readonly string[] {
  return readdirSync(path.join(projectRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (foreign.includes(file) || entry.name === 'node_modules') return [];
    if (entry.isDirectory()) return projectFiles(file);
    return entry.isFile() && textFile.test(file) ? [file] : [];
  });
}
