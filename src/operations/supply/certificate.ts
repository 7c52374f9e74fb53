import { createHash } from 'node:crypto';
import type { Statement } from '../../db/connect.ts';
import type { Json } from '../../db/events.ts';
import { insertCertificate } from '../../db/protections.ts';
import type { CommandCause, CommandKind, SupplyFacts } from '../../domain/command/supplyFacts.ts';
import type { SupplyFinding } from '../../domain/command/supplyFindings.ts';
import { instantText } from '../../domain/time/instantText.ts';

/** Keys in the order of their code units, no white space: the same document is the same bytes. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one: Json) => canonicalJson(one)).join(',')}]`;
  const fields = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  const parts = fields.map(([key, one]) => `${JSON.stringify(key)}:${canonicalJson(one)}`);
  return `{${parts.join(',')}}`;
}

/** Facts as a certificate tells them; amounts are micro-units as text. */
function factsJson(facts: SupplyFacts): Json {
  return {
    mode: facts.mode,
    balanceMicros: facts.balanceMicros.toString(),
    balanceLimitMicros: facts.balanceLimitMicros.toString(),
    reconnectMicros: facts.reconnectMicros.toString(),
    emergencyCreditMicros: facts.emergencyCreditMicros.toString(),
    supply: facts.supply,
    supplyCause: facts.supplyCause,
    readAgeMs: facts.readAgeMs,
    isDoubted: facts.isDoubted,
    timeZone: facts.timeZone,
    policy: facts.policy.name,
  };
}

function findingJson({ rule, prevents, detail, untilMs }: SupplyFinding): Json {
  return { rule, prevents, detail, until: untilMs === null ? null : instantText(untilMs) };
}

export type Certified = {
  readonly commandId: string;
  readonly companyId: number;
  readonly meterId: number;
  readonly accountId: number | null;
  readonly kind: CommandKind;
  readonly cause: CommandCause;
  readonly reason: string;
  /** Who asked, and who else agreed. */
  readonly people: readonly string[];
  readonly policyId: number | null;
  readonly facts: SupplyFacts | null;
  readonly findings: readonly SupplyFinding[];
};

/** Why a command is given, written once a stage with every fact and rule that was looked at. */
export async function certify(
  tx: Statement,
  what: Certified,
  { stage, atMs }: { readonly stage: 'requested' | 'sent'; readonly atMs: number },
): Promise<void> {
  const { commandId, companyId, accountId } = what;
  const text = canonicalJson({
    version: 1,
    commandId,
    stage,
    at: instantText(atMs),
    companyId,
    meterId: what.meterId,
    accountId,
    kind: what.kind,
    cause: what.cause,
    reason: what.reason,
    people: what.people,
    policyId: what.policyId,
    facts: what.facts === null ? null : factsJson(what.facts),
    findings: what.findings.map(findingJson),
  });
  const hash = createHash('sha256').update(text).digest();
  await insertCertificate(tx, { commandId, stage, companyId, accountId, text, hash, atMs });
}
