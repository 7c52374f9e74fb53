import { assert, AssertionBroken } from '../assert.ts';
import { microsOf } from '../exact.ts';
import { accept, refuse } from '../outcome.ts';
import type { Outcome } from '../outcome.ts';
import type { AgreementAttributes } from '../rating/bill.ts';
import type { Load } from '../rating/load.ts';
import { rateLoad } from '../rating/rateLoad.ts';
import type { CompileMemory } from '../rating/rateLoad.ts';
import { slotMs, slotOf, slotStartMs } from '../rating/slot.ts';
import { loadOfMeters } from '../series/loadOfDays.ts';
import type { PackedMeter } from '../series/loadOfDays.ts';
import { parseAttributes } from '../tariff/attributes.ts';
import { parseTariffDocument } from '../tariff/document.ts';
import type { TariffDocument } from '../tariff/document.ts';
import { refusePrepaid } from '../tariff/prepaid.ts';
import type { PriceSeries } from '../tariff/priceSeries.ts';
import { documentsOf } from '../tariff/versions.ts';
import type { PublishedVersion } from '../tariff/versions.ts';
import { firstMonthNumber, startOfMonthMs } from '../time/month.ts';
import type { MonthNumber } from '../time/month.ts';
import { firstValidMs } from './history.ts';
import { monthsLookedBack } from './lookBack.ts';

/** An agreement with its history, as it goes to a thread. */
export type LabSubject = {
  readonly agreementId: number;
  readonly tariffId: number;
  readonly zone: string;
  readonly currency: string;
  readonly isPrepaid: boolean;
  /** As stored. */
  readonly attributes: unknown;
  readonly validFromMs: number;
  /** Infinity while it is open. */
  readonly validToMs: number;
  readonly meters: readonly PackedMeter[];
};

/** Some agreements of a simulation: a draft, and what each pays now, over [from, through]. */
export type LabJob = {
  readonly draft: unknown;
  /** Published versions by tariff, in order. */
  readonly tariffs: ReadonlyMap<number, readonly PublishedVersion[]>;
  readonly prices: ReadonlyMap<string, PriceSeries>;
  readonly fromMonth: MonthNumber;
  readonly throughMonth: MonthNumber;
  /** Nothing after it has happened. */
  readonly nowMs: number;
  readonly subjects: readonly LabSubject[];
};

export type LabMonth = {
  readonly month: string;
  readonly beforeMicros: bigint;
  readonly afterMicros: bigint;
};

export type LabRating = {
  readonly customerClass: string | null;
  readonly energyWh: bigint;
  readonly months: readonly LabMonth[];
  /** Codes, each once. */
  readonly warnings: readonly string[];
};

/** By subject, in their order. */
export type LabJobResult = readonly Outcome<LabRating, string>[];

/** One of the two tariffs of a comparison, and when its months are by its own clock. */
type Side = {
  /** Of its refusals. */
  readonly where: string;
  readonly documents: readonly TariffDocument[];
  /** With the months before that decide what is carried in. */
  readonly fromMs: number;
  readonly toMs: number;
  /** From here on its bills count. */
  readonly countsFromMs: number;
};

function ceilToSlot(instantMs: number): number {
  return Math.ceil(instantMs / slotMs) * slotMs;
}

/** Null: the agreement was not valid in these months. */
function sideOf(
  job: LabJob,
  subject: LabSubject,
  { where, documents }: Pick<Side, 'where' | 'documents'>,
): Side | null {
  const zone = documents[0]?.zone ?? subject.zone;
  const begin = (month: MonthNumber): number =>
    Math.max(startOfMonthMs(zone, month), ceilToSlot(subject.validFromMs));
  const endMs = Math.min(startOfMonthMs(zone, job.throughMonth + 1), subject.validToMs, job.nowMs);
  const toMs = slotStartMs(slotOf(endMs));
  const countsFromMs = begin(job.fromMonth);
  if (toMs <= countsFromMs) return null;
  const looksBackMs = begin(
    Math.max(firstMonthNumber, job.fromMonth - monthsLookedBack(documents)),
  );
  const begunMs = firstValidMs({ documents, zone: subject.zone });
  const fromMs = Math.min(countsFromMs, Math.max(looksBackMs, begunMs));
  return { where, documents, fromMs, toMs, countsFromMs };
}

type Rated = {
  readonly sums: ReadonlyMap<string, bigint>;
  readonly warnings: readonly string[];
};

/** What both sides of a comparison have in common. */
type Shared = {
  readonly load: Load;
  readonly attributes: AgreementAttributes;
  /** Of the job's agreements, which mostly have the same tariffs. */
  readonly memory: CompileMemory;
};

function rateSide(job: LabJob, subject: LabSubject, side: Side & Shared): Outcome<Rated, string> {
  const { where, documents, load, attributes, memory, fromMs, toMs, countsFromMs } = side;
  const currency = documents[0]?.currency ?? subject.currency;
  if (currency !== subject.currency) {
    const message = `${where}: the tariff is in ${currency}, the account in ${subject.currency}.`;
    return refuse('CURRENCY_MISMATCH', `${message} Choose agreements in the draft's currency.`);
  }
  const rated = rateLoad({
    documents,
    load,
    zone: subject.zone,
    fromMs,
    toMs,
    attributes,
    prices: job.prices,
    memory,
  });
  if (!rated.ok) return refuse(rated.code, `${where}: ${rated.message}`);
  const bills = rated.value.bills.filter((bill) => bill.toMs > countsFromMs);
  return accept({
    sums: new Map(bills.map(({ label, total }) => [label, microsOf(total)])),
    warnings: bills.flatMap((bill) => bill.warnings.map(({ code }): string => code)),
  });
}

/** Of import, where it is known. */
function sumWh(load: Load, fromMs: number): bigint {
  let sum = 0;
  for (const energyWh of load.import.subarray((fromMs - load.fromMs) / slotMs)) {
    if (!Number.isNaN(energyWh)) sum += energyWh;
  }
  assert(Number.isSafeInteger(sum), 'registers are far below 2^53, so their differences are too');
  return BigInt(sum);
}

/** Both totals of one agreement. A tariff that cannot be rated says so: it never counts as zero. */
function compareSubject(
  job: LabJob,
  subject: LabSubject,
  tariffs: {
    readonly draft: TariffDocument;
    readonly present: readonly TariffDocument[];
    readonly memory: CompileMemory;
  },
): Outcome<LabRating, string> {
  const { draft, present, memory } = tariffs;
  const before = sideOf(job, subject, { where: 'Under the present tariff', documents: present });
  const after = sideOf(job, subject, { where: 'Under the draft', documents: [draft] });
  if (present.length === 0) {
    const message = 'The tariff of this agreement has no published version. Publish one first.';
    return refuse('TARIFF_NOT_FOUND', message);
  }
  if (before === null || after === null) {
    const message = 'The agreement was not valid in these months. Choose months in which it was.';
    return refuse('PERIOD_NOT_COVERED', message);
  }
  const attributes = parseAttributes(subject.attributes);
  if (!attributes.ok) return attributes;
  const load = loadOfMeters(subject.meters, {
    fromMs: Math.min(before.fromMs, after.fromMs),
    toMs: Math.max(before.toMs, after.toMs),
  });
  const shared = { load, attributes: attributes.value, memory };
  const then = rateSide(job, subject, { ...before, ...shared });
  if (!then.ok) return then;
  const now = rateSide(job, subject, { ...after, ...shared });
  if (!now.ok) return now;
  const months = new Set([...then.value.sums.keys(), ...now.value.sums.keys()]);
  const prepaid = subject.isPrepaid ? refusePrepaid(draft) : null;
  const warnings = new Set([...then.value.warnings, ...now.value.warnings]);
  if (prepaid !== null) warnings.add(prepaid.code);
  return accept({
    customerClass: attributes.value.customerClass,
    energyWh: sumWh(load, after.countsFromMs),
    months: [...months].toSorted().map((month) => ({
      month,
      beforeMicros: then.value.sums.get(month) ?? 0n,
      afterMicros: now.value.sums.get(month) ?? 0n,
    })),
    warnings: [...warnings].toSorted(),
  });
}

/** A mistake of our own about one agreement is told at that agreement, and the others go on. */
function guarded(work: () => Outcome<LabRating, string>): Outcome<LabRating, string> {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof AssertionBroken)) throw error;
    const message = `The rating of this agreement failed on our side: ${error.message}.`;
    return refuse('RATING_FAILED', `${message} Tell those who run the system.`);
  }
}

/** Pure: the same inline as in a thread. */
export function rateLab(job: LabJob): LabJobResult {
  const parsed = parseTariffDocument(job.draft);
  assert(parsed.ok, 'a draft is checked before it is simulated');
  // A draft is tried over all of the months, whenever it says that it begins.
  const draft: TariffDocument = { ...parsed.value, validFrom: null, validTo: null };
  const present = new Map<string, ReturnType<typeof documentsOf>>();
  const memory: CompileMemory = new WeakMap();
  return job.subjects.map((subject) => {
    const key = `${subject.tariffId}/${subject.zone}`;
    const versions = job.tariffs.get(subject.tariffId) ?? [];
    const documents = present.get(key) ?? documentsOf(versions, subject.zone);
    present.set(key, documents);
    if (!documents.ok) return refuse(documents.code, documents.message);
    return guarded(() => compareSubject(job, subject, { draft, present: documents.value, memory }));
  });
}

/** The first month that a job needs of each subject, and the documents that say so. */
export function labWindow(job: {
  readonly draft: unknown;
  readonly tariffs: ReadonlyMap<number, readonly PublishedVersion[]>;
  readonly fromMonth: MonthNumber;
}): { readonly firstMonth: MonthNumber; readonly documents: readonly TariffDocument[] } {
  const texts = [job.draft, ...[...job.tariffs.values()].flat().map(({ document }) => document)];
  const documents = texts.flatMap((text) => {
    const parsed = parseTariffDocument(text);
    return parsed.ok ? [parsed.value] : [];
  });
  return { firstMonth: job.fromMonth - monthsLookedBack(documents), documents };
}
