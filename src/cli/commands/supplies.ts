import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { readCertificates } from '../../db/supplyReads.ts';
import type { CertificateView } from '../../db/supplyReads.ts';
import { asViewer } from '../../db/viewer.ts';
import { advisoryKinds, protectionKinds } from '../../domain/command/supplyFacts.ts';
import type { SupplyFinding } from '../../domain/command/supplyFindings.ts';
import { formatMicros } from '../../domain/exact.ts';
import { forecastPageMax } from '../../domain/command/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { instantText, parseInstant } from '../../domain/time/instantText.ts';
import { approveBreaker } from '../../operations/supply/approve.ts';
import { explainSupply, whoWouldBeCut } from '../../operations/supply/forecast.ts';
import type { Forecast } from '../../operations/supply/forecast.ts';
import {
  addProtection,
  endAdvisory,
  endProtection,
  endWorkOrder,
  recordAdvisory,
} from '../../operations/supply/protections.ts';
import type { Recorded } from '../../operations/supply/protections.ts';
import type { Answer } from '../answer.ts';
import { Misused } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { asOperator, findMeter, findPlace } from '../meterAt.ts';
import { accountNumbered, personAs, staffViewer } from '../viewer.ts';
import { oneOf } from './listDecisions.ts';

export type CompanyOptions = { readonly company: string; readonly database: string | undefined };

function preventing(findings: readonly SupplyFinding[]): string {
  const rules = findings.filter(({ prevents }) => prevents);
  return rules.map(({ rule, detail }) => `${rule} (${detail})`).join(', ');
}

/** Of the supplies that are to be cut: what keeps how many of them on. */
function preventingMost(supplies: readonly Forecast[]): string {
  const due = supplies.filter(({ isDue }) => isDue);
  if (due.length === 0) return 'No supply that is on is at its limit.';
  const counts = new Map<string, number>();
  for (const { rule, prevents } of due.flatMap(({ findings }) => findings)) {
    if (prevents) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  }
  const most = [...counts].toSorted(([, left], [, right]) => right - left);
  const rules = most.map(([rule, count]) => `${rule} ${count}`).join(', ');
  return `At their limit: ${due.length}; what prevents it: ${rules}.`;
}

function findingFact({ untilMs, ...finding }: SupplyFinding) {
  return { ...finding, until: untilMs === null ? null : instantText(untilMs) };
}

export type ForecastOptions = CompanyOptions & { readonly at: string | undefined };

/** Every prepaid supply, page by page; nothing is done. */
export async function forecastSupplies(options: ForecastOptions): Promise<Answer> {
  const at = options.at === undefined ? accept(Date.now()) : parseInstant(options.at);
  if (!at.ok) return at;
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { url, companyId } = place.value;
  return withDatabase(url, 'joulebook_api', async (sql): Promise<Answer> => {
    const viewer = staffViewer(companyId, 'operator');
    const all: Forecast[] = [];
    for (let afterMeterId: number | null = 0; afterMeterId !== null;) {
      const query = { atMs: at.value, afterMeterId, limit: forecastPageMax };
      const page = await whoWouldBeCut({ sql, clock: { nowMs: Date.now } }, viewer, query);
      if (!page.ok) return page;
      all.push(...page.value.supplies);
      afterMeterId = page.value.nextAfterMeterId;
    }
    const cut = all.filter(({ wouldBeCut }) => wouldBeCut);
    const lines = cut.map(
      ({ meterId, accountId, balanceMicros, balanceNowMicros, dailyMicros }) =>
        `meter ${meterId}, account ${accountId ?? 0}: balance ${formatMicros(balanceMicros, 2)}` +
        (dailyMicros === null
          ? ''
          : ` by the forecast, ${formatMicros(balanceNowMicros, 2)} now ` +
            `less ${formatMicros(dailyMicros, 2)} a day`),
    );
    const when = instantText(at.value);
    const why = cut.length === 0 ? ` ${preventingMost(all)}` : '';
    const head = `${cut.length} of ${all.length} supplies would be cut at ${when}.${why}`;
    const supplies = all.map(({ findings, balanceMicros, ...rest }) => ({
      meterId: rest.meterId,
      accountId: rest.accountId,
      action: rest.action,
      isDue: rest.isDue,
      wouldBeCut: rest.wouldBeCut,
      balance: formatMicros(balanceMicros, 2),
      balanceNow: formatMicros(rest.balanceNowMicros, 2),
      isForecast: rest.dailyMicros !== null,
      daily: rest.dailyMicros === null ? null : formatMicros(rest.dailyMicros, 2),
      findings: findings.map(findingFact),
    }));
    return accept({ sentence: [head, ...lines].join('\n'), facts: { cut: cut.length, supplies } });
  });
}

/** Each command is certified when it is requested and when it is sent. */
const certificatesShown = 6;

const certificateShape = z.object({
  kind: z.string(),
  reason: z.string(),
  findings: z.array(z.object({ rule: z.string(), detail: z.string() })),
});

/** The balance decides both ways; the others keep nobody from getting light again. */
const rulesOfCuts: readonly string[] = ['DATA_STALE', 'NOTICE_NOT_DELIVERED'];

/** What decided over a command then; the rules that had something to say in figures. */
function certificateFact({ commandId, stage, at, document }: CertificateView) {
  const { kind, reason, findings } = certificateShape.parse(document);
  const isCut = kind === 'disconnect' || kind === 'limit';
  const looked = findings
    .filter(({ rule }) => rule === 'BALANCE_ABOVE_LIMIT' || (isCut && rulesOfCuts.includes(rule)))
    .map(({ detail }) => detail);
  return { commandId, stage, at: at.toISOString(), command: kind, reason, looked };
}

/** Why a supply is on or off, and why its last commands were given. */
export async function whySupply(serial: string, options: CompanyOptions): Promise<Answer> {
  const found = await findMeter(serial, options);
  if (!found.ok) return found;
  const { url, companyId, meterId } = found.value;
  return withDatabase(url, 'joulebook_api', async (sql): Promise<Answer> => {
    const viewer = staffViewer(companyId, 'operator');
    const standing = await explainSupply({ sql, clock: { nowMs: Date.now } }, viewer, meterId);
    if (standing === null) return refuse('METER_NOT_FOUND', 'The company has no such meter.');
    const { meter, decision } = standing;
    const certificates = await asViewer(sql, viewer, (tx) =>
      readCertificates(tx, { meterId, limit: certificatesShown }),
    );
    const done = certificates.map(certificateFact);
    const findings = decision?.findings ?? [];
    const due = decision?.action ?? 'nothing';
    const asked = decision?.askAgainMs ?? null;
    const head = `Meter ${serial} is ${meter.supply}; due now: ${due}.`;
    const again = asked === null ? [] : [`The cut is asked again at ${instantText(asked)}.`];
    const lines = findings.map(
      ({ rule, prevents, detail }) => `${prevents ? 'prevents' : '        '}  ${rule}: ${detail}`,
    );
    const facts = {
      supply: meter.supply,
      action: decision?.action ?? null,
      askAgainAt: asked === null ? null : instantText(asked),
      findings: findings.map(findingFact),
      prevented: preventing(findings),
      commands: done,
    };
    const before = done.map(
      ({ at, stage, command, reason, looked }) =>
        `${at} ${command} ${stage}: ${reason} (${looked.join('; ')})`,
    );
    return accept({ sentence: [head, ...again, ...lines, ...before].join('\n'), facts });
  });
}

function told(done: Outcome<Recorded, string>, what: string): Answer {
  if (!done.ok) return done;
  const { id, isReplay } = done.value;
  return accept({ sentence: `${what}: ${id}.`, facts: { id, isReplay } });
}

export type ProtectOptions = CompanyOptions & {
  readonly account: string;
  readonly kind: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly reason: string;
};

export async function protectAccount(options: ProtectOptions): Promise<Answer> {
  const kind = oneOf('--kind', protectionKinds, options.kind);
  if (kind === null) throw new Misused('give --kind');
  const from = options.from === undefined ? accept(Date.now()) : parseInstant(options.from);
  if (!from.ok) return from;
  const to = options.to === undefined ? accept(null) : parseInstant(options.to);
  if (!to.ok) return to;
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { url, companyId } = place.value;
  const accountId = await withDatabase(url, 'joulebook_writer', (sql) =>
    accountNumbered(sql, { companyId, number: options.account }),
  );
  if (!accountId.ok) return accountId;
  const done = await asOperator(place.value, (deps, viewer) =>
    addProtection(deps, viewer, {
      idempotencyKey: randomUUID(),
      accountId: accountId.value,
      kind,
      fromMs: from.value,
      toMs: to.value,
      reason: options.reason,
    }),
  );
  return told(done, `${options.account} is protected`);
}

export type EndProtectionOptions = CompanyOptions & {
  readonly contactProof: string;
  readonly reason: string;
};

export async function unprotect(id: string, options: EndProtectionOptions): Promise<Answer> {
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { contactProof, reason } = options;
  const done = await asOperator(place.value, (deps, viewer) =>
    endProtection(deps, viewer, {
      idempotencyKey: randomUUID(),
      protectionId: id,
      contactProof,
      reason,
    }),
  );
  return told(done, 'The protection has ended');
}

export type AdvisoryOptions = CompanyOptions & {
  readonly region: string;
  readonly kind: string;
  readonly from: string;
  readonly to: string;
  readonly source: string;
};

export async function addAdvisory(options: AdvisoryOptions): Promise<Answer> {
  const kind = oneOf('--kind', advisoryKinds, options.kind);
  if (kind === null) throw new Misused('give --kind');
  const from = parseInstant(options.from);
  if (!from.ok) return from;
  const to = parseInstant(options.to);
  if (!to.ok) return to;
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { region, source } = options;
  const done = await asOperator(place.value, (deps, viewer) =>
    recordAdvisory(deps, viewer, {
      idempotencyKey: randomUUID(),
      region,
      kind,
      fromMs: from.value,
      toMs: to.value,
      source,
    }),
  );
  return told(done, 'The advisory is recorded');
}

export type ReasonOptions = CompanyOptions & { readonly reason: string };

export async function shortenAdvisory(id: string, options: ReasonOptions): Promise<Answer> {
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { reason } = options;
  const done = await asOperator(place.value, (deps, viewer) =>
    endAdvisory(deps, viewer, { idempotencyKey: randomUUID(), advisoryId: id, reason }),
  );
  return told(done, 'The advisory ends now');
}

export type OrderOptions = CompanyOptions & { readonly outcome: string };

export async function closeOrder(id: string, options: OrderOptions): Promise<Answer> {
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { outcome } = options;
  const done = await asOperator(place.value, (deps, viewer) =>
    endWorkOrder(deps, viewer, { idempotencyKey: randomUUID(), workOrderId: id, outcome }),
  );
  return told(done, 'The work order has ended');
}

export type ApproveOptions = ReasonOptions & { readonly person: string };

/** Whoever may open the database says who looked; the audit keeps the name. */
export async function approveTrip(id: string, options: ApproveOptions): Promise<Answer> {
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { reason, person } = options;
  const done = await asOperator(place.value, (deps, viewer) =>
    approveBreaker(deps, personAs(viewer, person), {
      idempotencyKey: randomUUID(),
      tripId: id,
      reason,
    }),
  );
  if (!done.ok) return done;
  const { people, peopleNeeded } = done.value;
  const sentence = `${people} of ${peopleNeeded} people have looked at it.`;
  return accept({ sentence, facts: { people, peopleNeeded } });
}
