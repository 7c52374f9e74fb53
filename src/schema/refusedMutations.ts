import type { GraphQLSchema } from 'graphql';
import { assert } from '../domain/assert.ts';
import { isUuid } from '../domain/uuid.ts';
import { auditRefused, isAuditedInVain } from '../operations/auditRefused.ts';
import { codeOfThrown } from './coded.ts';
import type { ApiContext } from './context.ts';
import { isUserError } from './userError.ts';

type Refusal = { readonly code: string; readonly isAudited: boolean };

function refusalOf(answer: unknown): Refusal | null {
  if (typeof answer !== 'object' || answer === null || !isUserError(answer)) return null;
  return { code: answer.code, isAudited: answer.isAudited ?? false };
}

/** The first that the input names, as the audit writes subjects: `account/12`. */
function subjectOf(input: ReadonlyMap<string, unknown>): string | null {
  for (const name of ['accountId', 'meterId', 'paymentId', 'transferId']) {
    const id = input.get(name);
    const text = typeof id === 'string' ? Buffer.from(id, 'base64url').toString('utf8') : '';
    const [, type, key = ''] = /^(Account|Meter|Payment|Transfer):([\w-]{1,36})$/.exec(text) ?? [];
    if (type === undefined) continue;
    if (isUuid(key) || /^[1-9]\d{0,9}$/.test(key)) return `${type.toLowerCase()}/${key}`;
  }
  return null;
}

async function audit(
  { deps, viewer }: ApiContext,
  operation: string,
  { args, code }: { readonly args: unknown; readonly code: string },
): Promise<void> {
  if (!deps.isAuditedMore(`${viewer.companyId}/${viewer.actor}`)) return;
  const whole = new Map<string, unknown>(Object.entries(args ?? {}));
  const input = new Map<string, unknown>(Object.entries(whole.get('input') ?? {}));
  const key = input.get('idempotencyKey');
  await auditRefused(deps, viewer, {
    operation,
    code,
    subject: subjectOf(input),
    idempotencyKey: typeof key === 'string' ? key : null,
    input: whole.get('input') ?? null,
  });
}

/**
 * Around every mutation of money and supply, outside of what looks at roles and ids: whatever is
 * refused there is a row of the audit before its answer is told.
 */
export function auditRefusedMutations(schema: GraphQLSchema): void {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    if (!isAuditedInVain(`Mutation.${field.name}`)) continue;
    const { name, resolve } = field;
    assert(resolve !== undefined, 'a mutation has its resolver');
    field.resolve = async (root, args: unknown, context: ApiContext, info) => {
      let answer: unknown;
      try {
        answer = await resolve(root, args, context, info);
      } catch (error) {
        const code = codeOfThrown(error);
        if (code !== null) await audit(context, name, { args, code });
        throw error;
      }
      const refusal = refusalOf(answer);
      if (refusal !== null && !refusal.isAudited) {
        await audit(context, name, { args, code: refusal.code });
      }
      return answer;
    };
  }
}
