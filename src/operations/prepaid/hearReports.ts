import { createHash } from 'node:crypto';
import { insertAuditOnce } from '../../db/audit.ts';
import { hasCompany } from '../../db/directory.ts';
import type { Sql, Statement, Transaction } from '../../db/connect.ts';
import { appendNoticeStep, findReported } from '../../db/notices.ts';
import { hastenSupplyWaits } from '../../db/protections.ts';
import { asViewer } from '../../db/viewer.ts';
import type { Viewer } from '../../domain/access/viewer.ts';
import { assert } from '../../domain/assert.ts';
import { parseCompanyId } from '../../domain/ids.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome, Refused } from '../../domain/outcome.ts';
import { webhookBytesMax } from '../../domain/payment/limits.ts';
import type { NoticeReport, ReadReports, ReportCode } from '../../domain/prepaid/notice.ts';
import type { AuditBudget } from '../auditBudget.ts';
import { derivedId } from '../derivedId.ts';
import type { RequestDeps } from '../onceByKey.ts';

export type HearReportsDeps = RequestDeps & {
  /** Under joulebook_writer: a company is looked up before there is a viewer. */
  readonly writer: Sql;
  readonly readReports: ReadReports;
};

export type HearReportsCode = ReportCode | 'NOTICE_REPORT_TOO_LARGE' | 'NOTICE_COMPANY_UNKNOWN';

/** `replay`: it was known, or says less than what is known. */
export type HeardReport = {
  readonly notice: string;
  readonly result: 'applied' | 'replay' | 'refused';
  readonly code: 'NOTICE_NOT_FOUND' | null;
};

export type ReportMessage = {
  readonly companyId: number;
  /** Null: it is too large to be read. */
  readonly body: Uint8Array | null;
  readonly headers: Parameters<ReadReports>[1];
};

/** A step of another try may take the same place meanwhile: then it is looked at again. */
const stepTriesMax = 3;

function gatewayViewer(raw: number): Viewer {
  const companyId = parseCompanyId(raw);
  assert(companyId.ok, 'a company that was found has an id');
  const actor = 'notice gateway';
  const role = 'operator';
  return { companyId: companyId.value, role, accountId: null, actor, persistedOnly: false };
}

function hashOf(body: Uint8Array | null): string {
  return body === null ? 'not read' : createHash('sha256').update(body).digest('hex');
}

async function auditUnheard(
  tx: Statement,
  { companyId, actor }: { readonly companyId: number | null; readonly actor: string },
  unheard: { readonly subject: string; readonly code: string; readonly key: string; atMs: number },
): Promise<void> {
  const { subject, code, key, atMs } = unheard;
  await insertAuditOnce(tx, {
    id: derivedId('notice_unheard', companyId === null ? subject : String(companyId), code, key),
    companyId,
    atMs,
    actor,
    action: 'notice.unheard',
    subject,
    before: null,
    after: { code, key },
  });
}

/**
 * Moves one notice. What has arrived stays so; a failure counts only of what was on its way, and
 * is then tried again like any other.
 */
async function move(
  tx: Transaction,
  viewer: Viewer,
  { report, nowMs }: { readonly report: NoticeReport; readonly nowMs: number },
): Promise<HeardReport> {
  const { noticeId, state, detail } = report;
  const { companyId } = viewer;
  for (let tries = 0; tries < stepTriesMax; tries += 1) {
    const known = await findReported(tx, { companyId, noticeId });
    if (known === null) {
      const code = 'NOTICE_NOT_FOUND';
      const unheard = { subject: `company/${companyId}`, code, key: noticeId, atMs: nowMs };
      await auditUnheard(tx, viewer, unheard);
      return { notice: noticeId, result: 'refused', code };
    }
    const isOver = known.state === 'delivered' || (state === 'failed' && known.state !== 'sent');
    if (isOver) break;
    // By our clock: the hours that a cut waits begin when the proof is here.
    if (!(await appendNoticeStep(tx, { noticeId, state, atMs: nowMs, detail }))) continue;
    if (known.kind === 'cut_notice') {
      await hastenSupplyWaits(tx, { companyId, accountId: known.accountId, atMs: nowMs });
    }
    return { notice: noticeId, result: 'applied', code: null };
  }
  return { notice: noticeId, result: 'replay', code: null };
}

/**
 * Hears the messaging gateway: whose notices, whose signature, how old, what it says. What arrived
 * counts as delivered from now on, so that the notice of a cut begins to run.
 */
export async function hearReports(
  { sql, clock, writer, readReports }: HearReportsDeps,
  { companyId, body, headers }: ReportMessage,
  isAudited: AuditBudget<number>,
): Promise<Outcome<readonly HeardReport[], HearReportsCode>> {
  if (!(await hasCompany(writer, companyId))) {
    const code = 'NOTICE_COMPANY_UNKNOWN';
    if (isAudited(0)) {
      const about = { companyId: null, actor: 'unknown' };
      const subject = `company/${companyId}`;
      await auditUnheard(writer, about, { subject, code, key: hashOf(body), atMs: clock.nowMs() });
    }
    return refuse(code, 'There is no such company.');
  }
  const viewer = gatewayViewer(companyId);
  const nowMs = clock.nowMs();
  const tooLarge: Refused<HearReportsCode> = refuse(
    'NOTICE_REPORT_TOO_LARGE',
    `A message has at most ${webhookBytesMax} bytes.`,
  );
  const read = body === null ? tooLarge : readReports(body, headers, nowMs);
  if (!read.ok) {
    if (isAudited(companyId)) {
      const hash = hashOf(body);
      const unheard = { subject: `company/${companyId}`, code: read.code, key: hash, atMs: nowMs };
      await asViewer(sql, viewer, (tx) => auditUnheard(tx, viewer, unheard));
    }
    return read;
  }
  const heard: HeardReport[] = [];
  for (const report of read.value) {
    heard.push(await asViewer(sql, viewer, (tx) => move(tx, viewer, { report, nowMs })));
  }
  return accept(heard);
}
