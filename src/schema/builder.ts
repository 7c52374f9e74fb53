import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import { isAllowed, rolesAllowed } from '../domain/access/policy.ts';
import type { AccessRule } from '../domain/access/policy.ts';
import {
  operationBreadthMax,
  operationCostMax,
  operationDepthMax,
  pageSizeDefault,
  pageSizeMax,
} from '../domain/limits.ts';
import { coded } from './coded.ts';
import type { ApiContext } from './context.ts';

const globalIdPattern = /^([A-Z][A-Za-z]{1,40}):([\w.:-]{1,200})$/;

export const builder = new SchemaBuilder<{
  Context: ApiContext;
  AuthScopes: { may: AccessRule };
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  Scalars: {
    /** Floats have no place where money and energy are counted, so nothing resolves to one. */
    ID: { Input: string; Output: string | number };
    Decimal: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    CurrencyCode: { Input: string; Output: string };
    UUID: { Input: string; Output: string };
    Cursor: { Input: string; Output: string };
    JSON: { Input: unknown; Output: unknown };
  };
}>({
  plugins: [ScopeAuthPlugin, RelayPlugin, DataloaderPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  relay: {
    cursorType: 'String',
    edgesFieldOptions: {
      nullable: { list: false, items: false },
      complexity: { field: 0, multiplier: 1 }, // the connection has counted its page already
    },
    nodeFieldOptions: { nullable: false },
    nodeQueryOptions: { authScopes: { may: 'Query.node' } },
    nodesQueryOptions: {
      authScopes: { may: 'Query.nodes' },
      complexity: (args) => ({ field: 1, multiplier: Math.max(1, args.ids.length) }),
    },
    encodeGlobalID: (typename, id) => Buffer.from(`${typename}:${id}`).toString('base64url'),
    decodeGlobalID: (globalId) => {
      const decoded = Buffer.from(globalId, 'base64url').toString('utf8');
      const match = globalIdPattern.exec(decoded);
      if (match?.[1] === undefined || match[2] === undefined) {
        throw coded('ID_MALFORMED', 'This is not an id of this API. Send one as it was received.');
      }
      return { typename: match[1], id: match[2] };
    },
  },
  scopeAuth: {
    authorizeOnSubscribe: true,
    authScopes: ({ viewer }) => ({ may: (rule) => isAllowed(viewer.role, rule) }),
    unauthorizedError: (_parent, { viewer }, info) => {
      const field = `${info.parentType.name}.${info.fieldName}`;
      const others = rolesAllowed(field).join(' or ');
      const advice = others === '' ? 'Nobody may.' : `Ask somebody whose role is ${others}.`;
      return coded('FORBIDDEN', `The role ${viewer.role} may not use ${field}. ${advice}`);
    },
  },
  complexity: {
    defaultComplexity: 1,
    defaultListMultiplier: 5,
    limit: {
      complexity: operationCostMax,
      depth: operationDepthMax,
      breadth: operationBreadthMax,
    },
    complexityError: (kind, found) =>
      coded(
        'OPERATION_TOO_LARGE',
        `The operation is too large by its ${kind.toLowerCase()}: cost ${found.complexity} of ` +
          `${operationCostMax}, depth ${found.depth} of ${operationDepthMax}, fields ` +
          `${found.breadth} of ${operationBreadthMax}. Ask for smaller pages or in parts.`,
        { status: 400 },
      ),
  },
});

/** The cost of a connection is that of its page; the plugin alone would not look at `first`. */
export function pageCost(args: {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
}): { field: number; multiplier: number } {
  const size = args.first ?? args.last ?? pageSizeDefault;
  return { field: 1, multiplier: Math.min(Math.max(size, 1), pageSizeMax) };
}

builder.queryType({});
builder.mutationType({});
builder.subscriptionType({});
