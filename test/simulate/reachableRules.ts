import { parseTariffDocument } from '../../src/domain/tariff/document.ts';
import type { TariffText } from '../../src/domain/tariff/shape.ts';

type CalendarBody = Omit<NonNullable<TariffText['calendars']>[number], 'name'>;

/** A random calendar without the rules whose period never comes: a document may not have them. */
export function reachableRules<Body extends CalendarBody>(calendar: Body): Body {
  const parsed = parseTariffDocument({
    currency: 'EUR',
    calendars: [{ ...calendar, name: 'any' }],
    components: [{ kind: 'fixed', name: 'any', amount: '1', per: 'bill' }],
  });
  if (parsed.ok || parsed.code !== 'TARIFF_OVERLAP') return calendar;
  const unreached = Number(parsed.path?.at(-1));
  const rules = calendar.rules.filter((_, index) => index !== unreached);
  return reachableRules({ ...calendar, rules });
}
