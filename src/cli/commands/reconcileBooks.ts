import { accept, refuse } from '../../domain/outcome.ts';
import { dayMs } from '../../domain/time/civil.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { reconcile } from '../../operations/reconcile/reconcile.ts';
import type { Reconciliation } from '../../operations/reconcile/reconcile.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { instantOf } from '../meterAt.ts';
import { progressLines } from '../progress.ts';
import { companyNamed } from '../viewer.ts';

export type ReconcileOptions = {
  readonly company: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly database: string | undefined;
};

/** A window that nobody names: the last week. */
const windowDays = 7;

function edgeLines({ edges }: Reconciliation): string[] {
  return edges.map(
    (edge) =>
      `${edge.edgeName} stream ${edge.stream} epoch ${edge.epoch}: sent ${edge.sent}, committed ` +
      `${edge.committed}, missing ${edge.missing} (refused ${edge.refused}), rated ` +
      `${edge.rated}, waiting ${edge.waiting}, readings ${edge.readings}, in quarantine ` +
      `${edge.quarantined}, transfers ${edge.transfers}, unexplained ${edge.unexplained}`,
  );
}

function sumsOf({ meters, energy, money, unexplained }: Reconciliation): string[] {
  type Counted = 'inLog' | 'accepted' | 'superseded' | 'heldBack' | 'dismissed' | 'waiting';
  const sum = (name: Counted): number => meters.reduce((total, meter) => total + meter[name], 0);
  return [
    `${meters.length} meters: ${sum('inLog')} readings in the log = ` +
      `${sum('accepted')} accepted + ${sum('superseded')} superseded + ` +
      `${sum('heldBack')} held back + ${sum('dismissed')} dismissed; ${sum('waiting')} wait`,
    `${energy.points} service points: ${energy.slotsWh} Wh in slots = ` +
      `${energy.chargedWh} charged + ${energy.unratedWh} without a price; ` +
      `${energy.heldMonths} months held`,
    `${money.charges} charges, ${money.unexplained} differ from their transfers`,
    `unexplained: ${unexplained}`,
  ];
}

/** Counts everything twice; ends with 1 when something has no explanation. */
export async function reconcileBooks(options: ReconcileOptions, isJson: boolean): Promise<Answer> {
  const nowMs = Date.now();
  const toMs = options.to === undefined ? nowMs : instantOf(options.to);
  const fromMs = options.from === undefined ? toMs - windowDays * dayMs : instantOf(options.from);
  const tell = progressLines(isJson);
  const url = databaseUrl(options.database);
  const done = await withDatabase(url, 'joulebook_writer', async (sql) => {
    const company = await companyNamed(sql, options.company);
    if (!company.ok) return company;
    return reconcile(
      { sql, onStep: ({ what, done: count }) => tell(`${count} ${what}`) },
      { companyId: company.value, meterId: null, fromMs, toMs, nowMs },
    );
  });
  if (!done.ok) return done;
  const report = done.value;
  const facts = { from: instantText(fromMs), to: instantText(toMs), ...report };
  const text = [...edgeLines(report), ...sumsOf(report)].join('\n');
  if (report.unexplained === 0) return accept({ sentence: text, facts });
  const found = report.findings
    .map(({ code, subject, message }) => `${code} ${subject}: ${message}`)
    .join('\n');
  const message = `${report.unexplained} findings have no explanation.\n${text}\n${found}`;
  return { ...refuse('RECONCILIATION_DIFFERS', message), facts };
}
