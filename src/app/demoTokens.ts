import type { KeyObject } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Viewer } from '../domain/access/viewer.ts';
import { roles } from '../domain/access/viewer.ts';
import type { AccountId, CompanyId } from '../domain/ids.ts';
import { writeWhole } from '../embedded/secretFile.ts';
import { issueToken, tokenRealm } from '../operations/issueToken.ts';

/** Long enough for a day's look around; they are worth nothing to any other start. */
const lifetimeMs = 24 * 3_600_000;

export type DemoTokens = Readonly<Record<(typeof roles)[number] | 'partner', string>>;

export function demoViewer(
  role: Viewer['role'],
  { companyId, accountId }: { companyId: CompanyId; accountId: AccountId },
): Viewer {
  return {
    companyId,
    role,
    accountId: role === 'subscriber' ? accountId : null,
    actor: `demo:${role}`,
    persistedOnly: false,
  };
}

/** A token for each role, and one of a partner that may send registered documents only. */
export async function demoTokens(
  privateKey: KeyObject,
  scope: { companyId: CompanyId; accountId: AccountId; nowMs: number },
): Promise<DemoTokens> {
  const signer = { ...tokenRealm, privateKey };
  const sign = (viewer: Viewer): Promise<string> =>
    issueToken(signer, { viewer, nowMs: scope.nowMs, lifetimeMs });
  const [subscriber, operator, administrator, developer] = await Promise.all(
    roles.map((role) => sign(demoViewer(role, scope))),
  );
  const partner = await sign({
    ...demoViewer('operator', scope),
    actor: 'demo:partner',
    persistedOnly: true,
  });
  return { subscriber, operator, administrator, developer, partner };
}

/** One file a role (0600), so that a command to paste names a short file and not a long token. */
export function keepTokens(tokens: DemoTokens, { dataPath }: { dataPath: string }): string {
  const folder = join(dataPath, 'tokens');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [role, token] of Object.entries(tokens)) writeWhole(join(folder, role), `${token}\n`);
  return folder;
}
