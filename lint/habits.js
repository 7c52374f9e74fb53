/**
 * Habits of this house that no ready-made rule holds: casts, enums, long functions, and time and
 * chance coming in as arguments. Plain JavaScript for the same reason as lint/boundaries.js.
 */

/** The one file that may make a branded id. */
const idsFile = 'src/domain/ids.ts';
const idType = /^[A-Z]\w*Id$/;

const impureMembers = {
  Date: ['now'],
  Math: ['random'],
  performance: ['now'],
  process: ['env', 'hrtime', 'uptime'],
  crypto: ['randomUUID', 'getRandomValues'],
};
const impureImports = ['randomUUID', 'randomBytes', 'randomInt', 'randomFill', 'randomFillSync'];

function isConstAssertion(node) {
  const type = node.typeAnnotation;
  return type.type === 'TSTypeReference' && type.typeName.name === 'const';
}

/** The statement, member or property that a comment above would belong to. */
function statementOf(node) {
  let current = node;
  while (current.parent && !/Statement$|Declaration$|Definition$|^Property$/.test(current.type)) {
    current = current.parent;
  }
  return current.parent?.type.startsWith('Export') ? current.parent : current;
}

function hasComment(context, node) {
  const statementLine = statementOf(node).loc.start.line;
  return context.sourceCode.getAllComments().some(({ loc }) => {
    const isBeside = loc.start.line === node.loc.end.line || loc.start.line === node.loc.start.line;
    const isAbove = loc.end.line === statementLine - 1 || loc.end.line === node.loc.start.line - 1;
    return isBeside || isAbove;
  });
}

/** `as` throws away what the compiler proved. At a border it is tolerated, the reason beside it. */
const castsRule = {
  create(context) {
    const isIdsFile = context.filename.endsWith(idsFile);
    const check = (node) => {
      if (isConstAssertion(node) || isIdsFile) return;
      const type = node.typeAnnotation;
      const typeName = type.type === 'TSTypeReference' ? type.typeName.name : undefined;
      if (typeName !== undefined && idType.test(typeName)) {
        context.report({ node, message: `${typeName} is made by its parser in ${idsFile} only.` });
      } else if (!hasComment(context, node)) {
        const message = 'No cast: narrow or parse, or say in a comment why the types are wrong.';
        context.report({ node, message });
      }
    };
    return { TSAsExpression: check, TSTypeAssertion: check };
  },
};

const enumsRule = {
  create(context) {
    const message = "No enum: use a union of literals ('OPEN' | 'CLOSED').";
    return { TSEnumDeclaration: (node) => context.report({ node, message }) };
  },
};

function isDate(callee) {
  return callee.type === 'Identifier' && callee.name === 'Date';
}

const ownLinesMax = 70;

/** A function's lines without those of the functions inside it, each of which is counted itself. */
const lengthRule = {
  create(context) {
    const open = [];
    const enter = () => {
      open.push(0);
    };
    const leave = (node) => {
      const allLines = node.loc.end.line - node.loc.start.line + 1;
      const ownLines = allLines - open.pop();
      if (open.length > 0) open[open.length - 1] += allLines - 1;
      if (ownLines <= ownLinesMax) return;
      const message = `${ownLines} own lines, at most ${ownLinesMax}: split it by its steps.`;
      context.report({ loc: { start: node.loc.start, end: node.loc.start }, message });
    };
    return {
      FunctionDeclaration: enter,
      'FunctionDeclaration:exit': leave,
      FunctionExpression: enter,
      'FunctionExpression:exit': leave,
      ArrowFunctionExpression: enter,
      'ArrowFunctionExpression:exit': leave,
    };
  },
};

/** Applied to domain and operations only, by the linter's configuration. */
const chanceRule = {
  create(context) {
    const report = (node, what) =>
      context.report({ node, message: `${what}: time and chance come in as arguments.` });
    return {
      MemberExpression(node) {
        const object = node.object.name;
        if (object === undefined || !Object.hasOwn(impureMembers, object)) return;
        const property = node.property.name ?? node.property.value;
        if (impureMembers[object].includes(property)) report(node, `${object}.${property}`);
      },
      NewExpression(node) {
        if (isDate(node.callee) && node.arguments.length === 0) report(node, 'new Date()');
      },
      CallExpression(node) {
        if (isDate(node.callee)) report(node, 'Date()');
      },
      ImportSpecifier(node) {
        if (impureImports.includes(node.imported.name)) report(node, node.imported.name);
      },
    };
  },
};

export default {
  meta: { name: 'habits' },
  rules: {
    'no-cast': castsRule,
    'no-enum': enumsRule,
    'no-long-function': lengthRule,
    'no-clock-no-chance': chanceRule,
  },
};
