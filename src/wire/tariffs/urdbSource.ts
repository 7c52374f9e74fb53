import type { TariffText } from '../../domain/tariff/shape.ts';
import type { Path } from './imported.ts';
import { isZeroText, plainDecimal } from './plainDecimal.ts';
import type { UrdbRecord } from './urdbRecord.ts';

/** Fields of the file by the component that is made of them, the more likely one first. */
const componentFields = new Map([
  ['energy', ['energyratestructure']],
  ['export', ['energyratestructure']],
  ['fuel adjustment', ['fueladjustmentsmonthly']],
  ['flat demand', ['flatdemandstructure']],
  ['extra flat demand', ['flatdemandstructure']],
  ['demand', ['demandratestructure']],
  ['reactive demand', ['demandreactivepowercharge']],
  ['fixed', ['fixedchargefirstmeter', 'fixedmonthlycharge']],
  ['minimum', ['mincharge', 'minmonthlycharge']],
  ['annual minimum', ['annualmincharge', 'mincharge']],
  ['net metering', ['dgrules', 'usenetmetering']],
  ['net billing', ['dgrules']],
  ['buy all sell all', ['dgrules']],
]);
/** By the name of the calendar, which is that of its component. */
const calendarFields = new Map([
  ['energy', ['energyweekdayschedule']],
  ['fuel adjustment', ['fueladjustmentsmonthly']],
  ['flat demand', ['flatdemandmonths']],
  ['extra flat demand', ['extraflatdemandmonths']],
  ['demand', ['demandweekdayschedule']],
]);

/** The field of the file that says it; one that says 0 says nothing. */
function keyOf(names: readonly string[], record: UrdbRecord): string | null {
  const fields = names.flatMap((name) => record.get(name) ?? []);
  const telling = fields.find(({ value }) => !isZeroText(plainDecimal(value) ?? ''));
  return telling?.key ?? null;
}

/** Where in the file the place of the document comes from; null for the document as a whole. */
export function sourceOf(document: TariffText, path: Path, record: UrdbRecord): Path | null {
  const [list, at, field, period] = path;
  if (list === 'calendars') {
    const calendar = document.calendars?.[Number(at)];
    const key = keyOf(calendarFields.get(calendar?.name ?? '') ?? [], record);
    return key === null ? null : [key];
  }
  if (list !== 'components') return null;
  const component = document.components[Number(at)];
  if (component === undefined) return null;
  const key =
    field === 'ratchets' ? null : keyOf(componentFields.get(component.name) ?? [], record);
  if (key === null) return null;
  // Periods are p1, p2 in the document and counted from 0 in the file.
  const index = field === 'prices' ? Number(String(period).slice(1)) - 1 : -1;
  return index >= 0 && key.endsWith('structure') ? [key, index] : [key];
}
