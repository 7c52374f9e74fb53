import { existsSync } from 'node:fs';
import path from 'node:path';
import { pageAudit } from '../../db/auditReads.ts';
import { inOneSnapshot } from '../../db/reconciliation.ts';
import { newestSeal } from '../../db/seals.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import { sealFindingsMax } from '../../domain/sealLimits.ts';
import { instantText } from '../../domain/time/instantText.ts';
import type { DoctorFinding } from '../../operations/doctor/check.ts';
import { onlyShard } from '../../operations/seal/chain.ts';
import { verifySeals } from '../../operations/seal/verifySeals.ts';
import { checkpointsFile, readCheckpointFile } from '../../signers/checkpointFile.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { rawPublicKey, readKeyFile } from '../keyFile.ts';
import { progressLines } from '../progress.ts';
import { instantOf } from '../meterAt.ts';
import { companyNamed } from '../viewer.ts';
import { wholeNumber } from '../wholeNumber.ts';

export type AuditVerifyOptions = {
  readonly checkpoints: string | undefined;
  readonly key: string | undefined;
  readonly data: string | undefined;
  readonly database: string | undefined;
};

function checkpointsOf({ checkpoints, data }: AuditVerifyOptions): string | null {
  if (checkpoints !== undefined) {
    if (!existsSync(checkpoints)) throw new Misused(`${checkpoints} is not there`);
    return checkpoints;
  }
  if (data === undefined) return null;
  const file = path.join(data, checkpointsFile);
  return existsSync(file) ? file : null;
}

function sealedAt(micros: string): string {
  return instantText(Number(BigInt(micros) / 1_000n));
}

/** Recomputes the whole chain and every row behind it. */
export async function auditVerify(options: AuditVerifyOptions, isJson: boolean): Promise<Answer> {
  const key = options.key === undefined ? null : readKeyFile(options.key);
  if (key !== null && !key.ok) return key;
  const file = checkpointsOf(options);
  const tell = progressLines(isJson);
  const url = databaseUrl(options.database);
  const done = await withDatabase(url, 'joulebook_writer', async (sql) => {
    const findings: DoctorFinding[] = [];
    let rows = 0;
    const newest = await inOneSnapshot(sql, async (tx) => {
      const context = {
        tx,
        checkpoints: file === null ? null : readCheckpointFile(file),
        trustedKeys: key === null ? [] : [rawPublicKey(key.value)],
        onProgress: (looked: number) => {
          rows = looked;
          tell(`${looked} rows`);
        },
      };
      for await (const finding of verifySeals(context)) {
        findings.push(finding);
        if (findings.length === sealFindingsMax) break;
      }
      return newestSeal(tx, onlyShard);
    });
    return accept({ findings, rows, newest });
  });
  if (!done.ok) return done;
  const { findings, rows, newest } = done.value;
  const blocks = newest?.ordinal ?? 0n;
  const facts = { findings, rows, blocks, checkpoints: file !== null };
  if (findings.length > 0) {
    const lines = findings.map((each) => `${each.code} ${each.subject}: ${each.message}`);
    const message = `${findings.length} findings.\n${lines.join('\n')}`;
    return { ...refuse('AUDIT_TAMPERED', message), facts };
  }
  const without =
    file === null
      ? '\nWithout checkpoints a chain whose tail was cut cannot be told: give --checkpoints FILE.'
      : '';
  const sentence =
    newest === null
      ? 'Nothing is sealed yet.'
      : `${rows} rows in ${blocks} blocks are as they were sealed, the last of them at ` +
        `${sealedAt(newest.sealedAtMicros)}.${without}`;
  return accept({ sentence, facts });
}

/** One line to be written down elsewhere: with it a chain that is made anew is found. */
export async function auditCheckpoint(database: string | undefined): Promise<Answer> {
  const url = databaseUrl(database);
  const done = await withDatabase(url, 'joulebook_writer', async (sql) =>
    accept(await newestSeal(sql, onlyShard)),
  );
  if (!done.ok) return done;
  const seal = done.value;
  if (seal === null) return refuse('SEAL_NONE', 'Nothing is sealed yet. A worker does it.');
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const facts = {
    shard: seal.shard,
    ordinal: String(seal.ordinal),
    head: hex(seal.head),
    sealedAt: sealedAt(seal.sealedAtMicros),
    keyId: hex(seal.keyId),
  };
  const { ordinal, head } = facts;
  const sentence = `Block ${ordinal}, head ${head}, sealed at ${facts.sealedAt}.`;
  return accept({ sentence, facts });
}

export type AuditLogOptions = {
  readonly company: string;
  readonly subject: string | undefined;
  readonly actor: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly limit: string;
  readonly database: string | undefined;
};

const entriesMax = 1_000;

/** The newest changes of a company. */
export async function auditLog(options: AuditLogOptions): Promise<Answer> {
  const limit = wholeNumber(options.limit, '--limit', { min: 1, max: entriesMax });
  const url = databaseUrl(options.database);
  const done = await withDatabase(url, 'joulebook_writer', async (sql) => {
    const company = await companyNamed(sql, options.company);
    if (!company.ok) return company;
    const { subject = null, actor = null, from, to } = options;
    const span = {
      fromMs: from === undefined ? null : instantOf(from),
      toMs: to === undefined ? null : instantOf(to),
    };
    const page = { after: null, before: null, limit, inverted: false };
    return accept(
      await pageAudit(sql, { companyId: company.value, subject, actor, ...span }, page),
    );
  });
  if (!done.ok) return done;
  const text = (value: unknown): string => (value === null ? '-' : JSON.stringify(value));
  const lines = done.value.map(
    ({ at, actor, action, subject, before, after }) =>
      `${at.toISOString()} ${actor} ${action} ${subject}: ${text(before)} -> ${text(after)}`,
  );
  const sentence = lines.length === 0 ? 'There is no such entry.' : lines.join('\n');
  return accept({ sentence, facts: { entries: done.value } });
}
