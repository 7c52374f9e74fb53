#!/usr/bin/env node
/**
 * Starts the command line on the Node that comes with the project, when the one that was called is
 * too old to run TypeScript as it is. Plain JavaScript, because an old Node reads this file.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const nodeMajorMin = 24;
const relaunched = 'JOULEBOOK_RELAUNCHED';

/** node_modules/node is a package of this project: beside it, or above it when it is installed. */
function bundledNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  let folder = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
  for (;;) {
    const candidate = path.join(folder, 'node_modules', 'node', 'bin', name);
    if (existsSync(candidate)) return candidate;
    const parent = path.dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}

function refuse() {
  process.stderr.write(
    `NODE_TOO_OLD: this is Node ${process.versions.node} and ${nodeMajorMin} is needed; ` +
      'run npm ci, which brings it, or start with a newer Node.\n',
  );
  process.exitCode = 2;
}

function relaunch(node) {
  const child = spawn(node, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...process.env, [relaunched]: '1' },
  });
  // A terminal sends Ctrl-C to both; the answer is the child's.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT') child.kill(signal);
    });
  }
  child.on('error', refuse);
  child.on('exit', (code, signal) => {
    // 128 + 15, as shells say it, for a child that was stopped.
    process.exitCode = code ?? (signal === null ? 1 : 143);
  });
}

if (Number(process.versions.node.split('.')[0]) >= nodeMajorMin) {
  await import('./main.ts');
} else {
  const node = process.env[relaunched] === undefined ? bundledNode() : undefined;
  if (node === undefined) refuse();
  else relaunch(node);
}
