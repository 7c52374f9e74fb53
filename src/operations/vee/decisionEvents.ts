import { companySubject, plainEvent } from '../../db/events.ts';
import type { EventBlock } from '../../db/events.ts';
import type { HoldNews } from '../../db/veeDecisions.ts';
import { decisionsPerEventMax } from '../../domain/vee/limits.ts';

/**
 * What staff are told: which decisions hold a bill now, and which do no longer. It is about the
 * company as a whole, so that no subscriber sees it; what a decision says is read where it stands.
 */
export function decisionEvents(news: readonly HoldNews[], nowMs: number): EventBlock[] {
  const byCompany = Map.groupBy(news, ({ companyId }) => companyId);
  return [...byCompany].flatMap(([companyId, all]) => {
    const events: EventBlock[] = [];
    for (let from = 0; from < all.length; from += decisionsPerEventMax) {
      const decisions = all
        .slice(from, from + decisionsPerEventMax)
        .map(({ decisionId, state }) => ({ id: decisionId.toString(), state }));
      events.push(
        plainEvent({
          companyId,
          kind: 'decision',
          atMs: nowMs,
          subjects: [{ ...companySubject }],
          detail: { decisions },
        }),
      );
    }
    return events;
  });
}
