import type { Sql } from '../../db/connect.ts';
import { inOneSnapshot } from '../../db/reconciliation.ts';
import { findingsToldMax } from '../../domain/limits.ts';
import type { DoctorCheck, DoctorFinding } from './check.ts';

export type CheckedInvariant = {
  readonly name: string;
  readonly invariant: string;
  readonly rows: number;
  readonly findings: readonly DoctorFinding[];
  /** There may be more: a check stops once it has named enough. */
  readonly isCut: boolean;
};

export type DoctorStep = { readonly name: string; readonly rows: number };

async function runCheck(
  { sql, nowMs, onStep }: DoctorDeps,
  check: DoctorCheck,
): Promise<CheckedInvariant> {
  const { name, invariant } = check;
  const findings: DoctorFinding[] = [];
  let rows = 0;
  let isCut = false;
  await inOneSnapshot(sql, async (tx) => {
    const onProgress = (looked: number): void => {
      rows = looked;
      onStep({ name, rows });
    };
    for await (const finding of check.find({ tx, nowMs, onProgress })) {
      if (findings.length === findingsToldMax) {
        isCut = true;
        break;
      }
      findings.push(finding);
    }
  });
  return { name, invariant, rows, findings, isCut };
}

export type DoctorDeps = {
  /** Under joulebook_writer: row-level security would hide what is wrong. */
  readonly sql: Sql;
  readonly nowMs: number;
  onStep(step: DoctorStep): void;
};

/** Looks at invariants one after the other, each at one moment of the database; writes nothing. */
export async function runDoctor(
  deps: DoctorDeps,
  checks: readonly DoctorCheck[],
): Promise<readonly CheckedInvariant[]> {
  const checked: CheckedInvariant[] = [];
  for (const check of checks) {
    deps.onStep({ name: check.name, rows: 0 });
    checked.push(await runCheck(deps, check));
  }
  return checked;
}
