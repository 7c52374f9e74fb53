import { accept, refuse } from '../../domain/outcome.ts';
import { doctorChecks } from '../../operations/doctor/checks.ts';
import { runDoctor } from '../../operations/doctor/runDoctor.ts';
import type { CheckedInvariant } from '../../operations/doctor/runDoctor.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { progressLines } from '../progress.ts';

export type DoctorOptions = {
  readonly only: readonly string[];
  readonly database: string | undefined;
};

function linesOf({ name, invariant, rows, findings, isCut }: CheckedInvariant): string[] {
  const verdict = findings.length === 0 ? 'holds ' : 'BROKEN';
  const looked = rows === 0 ? '' : ` (${rows} looked at)`;
  return [
    `${verdict} ${name}: ${invariant}${looked}`,
    ...findings.map(({ code, subject, message }) => `  ${code} ${subject}: ${message}`),
    ...(isCut ? ['  and perhaps more: it stopped here'] : []),
  ];
}

/** Looks whether the invariants hold in a live system; ends with 1 when one does not. */
export async function doctor(options: DoctorOptions, isJson: boolean): Promise<Answer> {
  const names = doctorChecks.map(({ name }) => name);
  const unknown = options.only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Misused(`--only is one of ${names.join(', ')}`);
  const checks = doctorChecks.filter(
    ({ name }) => options.only.length === 0 || options.only.includes(name),
  );
  const tell = progressLines(isJson);
  const done = await withDatabase(
    databaseUrl(options.database),
    'joulebook_writer',
    async (sql) => {
      const deps = {
        sql,
        nowMs: Date.now(),
        onStep: ({ name, rows }: { name: string; rows: number }) => tell(`${name}: ${rows} rows`),
      };
      return accept(await runDoctor(deps, checks));
    },
  );
  if (!done.ok) return done;
  const found = done.value.reduce((sum, { findings }) => sum + findings.length, 0);
  const text = done.value.flatMap(linesOf).join('\n');
  const facts = { findings: found, checks: done.value };
  if (found === 0) return accept({ sentence: `${text}\nNothing is wrong.`, facts });
  return { ...refuse('DOCTOR_FOUND', `${found} findings.\n${text}`), facts };
}
