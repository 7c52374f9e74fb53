import type { Remarks } from './imported.ts';
import type { UrdbRecord } from './urdbRecord.ts';

/** Fields that other files of this importer read, by their names in lower case. */
const pricedFields = new Set([
  'annualmincharge',
  'coincidentrateschedule',
  'coincidentratestructure',
  'coincidentrateunit',
  'coincidentschedule',
  'demandratchetpercentage',
  'demandratestructure',
  'demandrateunit',
  'demandreactivepowercharge',
  'demandunits',
  'demandweekdayschedule',
  'demandweekendschedule',
  'demandwindow',
  'dgrules',
  'energyratestructure',
  'energyweekdayschedule',
  'energyweekendschedule',
  'extraflatdemandmonths',
  'fixedchargeeaaddl',
  'fixedchargefirstmeter',
  'fixedchargeunits',
  'fixedmonthlycharge',
  'flatdemandmonths',
  'flatdemandstructure',
  'flatdemandunit',
  'fueladjustmentsmonthly',
  'lookbackmonths',
  'lookbackpercent',
  'lookbackrange',
  'mincharge',
  'minchargeunits',
  'minmonthlycharge',
  'usenetmetering',
]);

/** What a rate says about itself. */
const describingFields = new Set([
  '_comment',
  'approved',
  'basicinformationcomments',
  'country',
  'demandcomments',
  'description',
  'eiaid',
  'energycomments',
  'fixedcomments',
  'is_default',
  'label',
  'latest_update',
  'name',
  'phasewiring',
  'revisions',
  'sector',
  'servicetype',
  'source',
  'sourceparent',
  'supercedes',
  'supersedes',
  'uri',
  'utility',
  'voltagecategory',
]);

/** Who may have the rate. */
const applicabilityFields = new Set([
  'peakkwcapacityhistory',
  'peakkwcapacitymax',
  'peakkwcapacitymin',
  'peakkwhusagehistory',
  'peakkwhusagemax',
  'peakkwhusagemin',
  'voltagemaximum',
  'voltageminimum',
]);
const dateFields = new Set(['startdate', 'enddate']);
const noteFields = new Set(['demandattrs', 'energyattrs', 'fixedattrs']);

/** ISO text of epoch seconds, as people know the date; other writings as they are. */
function dateText(value: unknown): string {
  const seconds = Number(value);
  const isInstant = value !== '' && Number.isFinite(seconds) && Math.abs(seconds) < 8e12;
  return isInstant ? new Date(seconds * 1_000).toISOString() : JSON.stringify(value).slice(0, 40);
}

function remarkGroups(record: UrdbRecord, remarks: Remarks): void {
  const keysOf = (names: ReadonlySet<string>): string[] =>
    [...record].flatMap(([name, { key }]) => (names.has(name) ? [key] : []));
  const described = keysOf(describingFields);
  if (described.length > 0) {
    const message = `${described.join(', ')} describe the rate and price nothing.`;
    remarks.add('URDB_DESCRIPTION_LEFT_OUT', [], message);
  }
  const applicable = keysOf(applicabilityFields);
  if (applicable.length > 0) {
    const message = `${applicable.join(', ')} say who may have the rate; that is not checked.`;
    remarks.add('URDB_APPLICABILITY_LEFT_OUT', [], message);
  }
  const dates = [...record.values()].filter(({ key }) => dateFields.has(key.toLowerCase()));
  if (dates.length > 0) {
    const texts = dates.map(({ key, value }) => `${key} ${dateText(value)}`).join(', ');
    const message = `${texts}: published dates are information; the document stays valid.`;
    remarks.add('URDB_DATES_LEFT_OUT', [], message);
  }
}

/** Every field that prices nothing in the document, with the reason. */
export function remarkFields(record: UrdbRecord, remarks: Remarks): void {
  remarkGroups(record, remarks);
  for (const [name, { key, value }] of record) {
    if (noteFields.has(name)) {
      const message = 'notes in words (often of discounts by voltage) are not priced; read them.';
      remarks.add('URDB_NOTES_LEFT_OUT', [key], message);
    } else if (name.startsWith('pdp_')) {
      const message = 'prices of event days are left out: their dates are not in the file.';
      remarks.add('URDB_EVENTS_LEFT_OUT', [key], message);
    } else if (name === 'country' && value !== 'USA') {
      const message = 'the rate is of another country; its prices are taken as US dollars.';
      remarks.add('URDB_CURRENCY_ASSUMED', [key], message);
    }
    const known = [pricedFields, describingFields, applicabilityFields, dateFields, noteFields];
    if (name.startsWith('pdp_') || known.some((names) => names.has(name))) continue;
    remarks.add('URDB_FIELD_UNKNOWN', [key], 'the field is not known and is left out.');
  }
}
