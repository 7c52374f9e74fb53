import { z } from 'zod';
import { pageDecisions } from '../../db/veeDecisionReads.ts';
import type { DecisionView } from '../../db/veeDecisionReads.ts';
import { asViewer } from '../../db/viewer.ts';
import { pageSizeMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import { instantText } from '../../domain/time/instantText.ts';
import { estimationRules, otherChecks, validationRules } from '../../domain/vee/ruleName.ts';
import { customerClasses } from '../../domain/vee/classDefaults.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { findPlace } from '../meterAt.ts';
import { staffViewer } from '../viewer.ts';

export type ListDecisionsOptions = {
  readonly company: string;
  readonly meter: string | undefined;
  readonly class: string | undefined;
  readonly rule: string | undefined;
  readonly outcome: string | undefined;
  readonly all: boolean;
  readonly database: string | undefined;
};

const outcomes = ['alert', 'hold', 'reject', 'estimate'] as const;
export const ruleNames = Object.keys({ ...validationRules, ...estimationRules, ...otherChecks });

export function oneOf<const Word extends string>(
  option: string,
  words: readonly Word[],
  text: string | undefined,
): Word | null {
  if (text === undefined) return null;
  const word = words.find((each) => each === text);
  if (word === undefined) throw new Misused(`${option} is one of ${words.join(', ')}`);
  return word;
}

const judgedWindow = z.object({
  window: z.string(),
  windowFrom: z.string(),
  windowTo: z.string(),
});

/** The day or bill that was judged; what was found lies within it. Null of what is no window's. */
function windowOf({ detail }: DecisionView) {
  const said = judgedWindow.safeParse(detail);
  if (!said.success) return null;
  const { window: kind, windowFrom: from, windowTo: to } = said.data;
  return { kind, from, to };
}

function lineOf(decision: DecisionView): string {
  const [from, to] = [decision.fromAt, decision.toAt].map((at) => instantText(at.getTime()));
  const kind = windowOf(decision)?.kind;
  const judged = kind === undefined ? '' : ` (${kind})`;
  const { id, serial, outcome, message } = decision;
  return `${id}  meter ${serial}  ${from} to ${to}${judged}  ${outcome}  ${message}`;
}

function factOf(decision: DecisionView) {
  return {
    id: decision.id.toString(),
    meterId: decision.meterId,
    serial: decision.serial,
    channel: decision.channel,
    customerClass: decision.customerClass,
    from: decision.fromAt.toISOString(),
    to: decision.toAt.toISOString(),
    window: windowOf(decision),
    rule: decision.rule,
    outcome: decision.outcome,
    message: decision.message,
    detail: decision.detail,
    decidedAt: decision.decidedAt.toISOString(),
    withdrawnAt: decision.withdrawnAt?.toISOString() ?? null,
    resolution: decision.resolution,
    resolvedBy: decision.resolvedBy,
    reason: decision.reason,
  };
}

/** What validation and estimation decided, newest first; open ones unless all are asked for. */
export async function listDecisions(options: ListDecisionsOptions): Promise<Answer> {
  const { meter } = options;
  const filter = {
    customerClass: oneOf('--class', customerClasses, options.class),
    rule: oneOf('--rule', ruleNames, options.rule),
    outcome: oneOf('--outcome', outcomes, options.outcome),
    isOpen: options.all ? null : true,
  };
  const place = await findPlace(meter, options);
  if (!place.ok) return place;
  const { url, companyId, meterId } = place.value;
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const page = { after: null, before: null, limit: pageSizeMax, inverted: false };
    const found = await asViewer(sql, staffViewer(companyId, 'operator'), (tx) =>
      pageDecisions(tx, { ...filter, meterId }, page),
    );
    const decisions = found.map(factOf);
    const lines = found.map(lineOf);
    const sentence = lines.length === 0 ? 'There is no such decision.' : lines.join('\n');
    return accept({ sentence, facts: { decisions } });
  });
}
