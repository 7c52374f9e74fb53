import { pageDecisions } from '../../db/veeDecisionReads.ts';
import { asViewer } from '../../db/viewer.ts';
import { pageSizeMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import { derivedId } from '../../operations/derivedId.ts';
import { resolveDecision } from '../../operations/vee/resolveDecision.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { asOperator, findPlace } from '../meterAt.ts';
import { oneOf, ruleNames } from './listDecisions.ts';
import { resolveOneDecision } from './resolveOneDecision.ts';
import type { ResolveDecisionOptions } from './resolveOneDecision.ts';

export type ReleaseMatchingOptions = ResolveDecisionOptions & {
  readonly rule: string | undefined;
  readonly meter: string | undefined;
};

/** One decision by its id, or all open holds of a rule, a meter or both, for one reason. */
export async function releaseDecisions(
  decisionId: string | undefined,
  options: ReleaseMatchingOptions,
): Promise<Answer> {
  const { meter, reason } = options;
  const rule = oneOf('--rule', ruleNames, options.rule);
  const isMatching = rule !== null || meter !== undefined;
  if ((decisionId !== undefined) === isMatching) {
    throw new Misused('release one decision by its number, or those of --rule, --meter or both');
  }
  if (decisionId !== undefined) return resolveOneDecision(decisionId, 'released', options);
  const place = await findPlace(meter, options);
  if (!place.ok) return place;
  const { meterId } = place.value;
  return asOperator(place.value, async (deps, viewer) => {
    const filter = { meterId, rule, outcome: 'hold', isOpen: true } as const;
    const page = { after: null, before: null, limit: pageSizeMax + 1, inverted: false };
    const found = await asViewer(deps.sql, viewer, (tx) => pageDecisions(tx, filter, page));
    const released: { id: string; serial: string; rule: string }[] = [];
    for (const decision of found.slice(0, pageSizeMax)) {
      const id = decision.id.toString();
      const done = await resolveDecision(deps, viewer, {
        idempotencyKey: derivedId('vee', id, 'released', reason),
        decisionId: id,
        kind: 'released',
        reason,
      });
      if (done.ok) released.push({ id, serial: decision.serial, rule: decision.rule });
      // Somebody else was faster with one of them; the others are still to be released.
      else if (!['DECISION_RESOLVED', 'DECISION_WITHDRAWN'].includes(done.code)) return done;
    }
    const isMore = found.length > pageSizeMax;
    const lines = released.map((each) => `${each.id}  meter ${each.serial}  ${each.rule}`);
    const more = isMore ? ['There are more: call this again.'] : [];
    const sentence = [`${released.length} decisions are released.`, ...lines, ...more].join('\n');
    return accept({ sentence, facts: { released, isMore } });
  });
}
