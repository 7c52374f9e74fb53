import { findPolicyAt } from '../../db/prepaidPolicies.ts';
import { accept } from '../../domain/outcome.ts';
import { defaultPolicy, parsePolicy, standardPolicy } from '../../domain/prepaid/policy.ts';
import type { PrepaidPolicy } from '../../domain/prepaid/policy.ts';
import { asViewer } from '../../db/viewer.ts';
import { clockText } from '../../domain/time/localText.ts';
import { instantText, parseInstant } from '../../domain/time/instantText.ts';
import { derivedId } from '../../operations/derivedId.ts';
import { publishPolicy } from '../../operations/prepaid/publishPolicy.ts';
import type { Answer } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { readJson } from '../inputFile.ts';
import { findPlace } from '../meterAt.ts';
import { staffViewer } from '../viewer.ts';

const dayNames = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** What a policy comes to, one line a promise. */
function describe(policy: PrepaidPolicy): readonly string[] {
  const { protectedHours, protectedHolidays, notice, weather, loadLimit, breaker } = policy;
  const spans = protectedHours.map(({ weekdays, fromMinute, toMinute }) => {
    const days = weekdays.map((day) => dayNames[day - 1]).join(' ');
    return `No cut ${days} from ${clockText(fromMinute)} to ${clockText(toMinute)}.`;
  });
  const holidays = protectedHolidays.days.size + protectedHolidays.yearly.size;
  const told = notice?.mustBeDelivered === true ? 'delivered' : 'sent';
  return [
    ...(spans.length === 0 ? ['No hours are protected.'] : spans),
    `${holidays} holidays are protected.`,
    notice === null
      ? 'A cut needs no notice.'
      : `A notice is ${told} ${notice.beforeMs / 3_600_000} h before a cut.`,
    weather === null
      ? 'Weather holds no cut back.'
      : `No cut in heat, cold and storm, and ${weather.heatDaysAfter}, ` +
        `${weather.coldDaysAfter} and ${weather.stormDaysAfter} days after them.`,
    loadLimit === null ? 'A cut is a cut.' : `Instead of a cut ${loadLimit.powerW} W may flow.`,
    `More than ${breaker.cutsMax} cuts of a region in ${breaker.windowMs / 60_000} min stop all.`,
  ];
}

/** Checks a policy as publishing does, and tells what it comes to with its defaults. */
export function lintPolicy(file: string): Answer {
  const json = readJson(file);
  if (!json.ok) return json;
  const parsed = parsePolicy(json.value);
  if (!parsed.ok) return { ...parsed, message: `${file}: ${parsed.message}` };
  const { name } = parsed.value;
  const lines = describe(parsed.value);
  const sentence = [`${file} is sound: policy "${name}".`, ...lines].join('\n');
  return accept({ sentence, facts: { name, promises: lines } });
}

export type PublishPolicyOptions = {
  readonly company: string;
  readonly validFrom: string;
  readonly reason: string;
  readonly database: string | undefined;
};

/** What the file says is its idempotency key: publishing it twice is once. */
export async function publishPolicyFile(
  file: string,
  options: PublishPolicyOptions,
): Promise<Answer> {
  const document = readJson(file);
  if (!document.ok) return document;
  const validFrom = parseInstant(options.validFrom);
  if (!validFrom.ok) return validFrom;
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { url, companyId } = place.value;
  const { reason } = options;
  const said = [String(validFrom.value), JSON.stringify(document.value), reason];
  return withDatabase(url, 'joulebook_api', async (sql) => {
    const published = await publishPolicy(
      { sql, clock: { nowMs: Date.now }, wake: () => {} },
      staffViewer(companyId, 'administrator'),
      {
        idempotencyKey: derivedId('prepaid_policy', ...said),
        validFromMs: validFrom.value,
        document: document.value,
        reason,
      },
    );
    if (!published.ok) return published;
    const { policyId, name, isReplay } = published.value;
    const sentence = isReplay
      ? `${file} was published before; nothing is new.`
      : `Policy "${name}" holds from ${instantText(validFrom.value)} on.`;
    return accept({ sentence, facts: { policyId, name, isReplay } });
  });
}

export type ShowPolicyOptions = {
  readonly company: string;
  readonly name: string;
  readonly at: string | undefined;
  readonly database: string | undefined;
};

/** What a name means now, or at an instant; the default where nothing is published. */
export async function showPolicy(options: ShowPolicyOptions): Promise<Answer> {
  const at = options.at === undefined ? accept(Date.now()) : parseInstant(options.at);
  if (!at.ok) return at;
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { url, companyId } = place.value;
  const { name } = options;
  return withDatabase(url, 'joulebook_api', async (sql): Promise<Answer> => {
    const found = await asViewer(sql, staffViewer(companyId, 'operator'), (tx) =>
      findPolicyAt(tx, { companyId, name, atMs: at.value }),
    );
    const parsed = found === null ? accept(defaultPolicy()) : parsePolicy(found.document);
    if (!parsed.ok) return parsed;
    const isDefault = found === null;
    const head = isDefault
      ? `Nothing is published as "${name}": accounts are under the default.`
      : `Policy ${found.id} "${name}" holds since ${found.validFrom.toISOString()}.`;
    const lines = describe(parsed.value);
    const document = found?.document ?? { name: standardPolicy };
    const facts = { policyId: found?.id ?? null, name, document, promises: lines };
    return accept({ sentence: [head, ...lines].join('\n'), facts });
  });
}
