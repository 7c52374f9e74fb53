import { differencesOf } from '../../domain/judge/agreement.ts';
import { judgeLoad } from '../../domain/judge/judge.ts';
import { differencesToldMax } from '../../domain/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome } from '../../domain/outcome.ts';
import { emptyCarry } from '../../domain/rating/bill.ts';
import type { Carry } from '../../domain/rating/bill.ts';
import { decodeBillCarry, encodeBillCarry } from '../../domain/rating/carryCodec.ts';
import { rateLoad } from '../../domain/rating/rateLoad.ts';
import type { MonthBill } from '../../domain/rating/rateLoad.ts';
import { Misused } from '../answer.ts';
import type { Answer } from '../answer.ts';
import { billFact, warningFacts } from '../billFact.ts';
import { billTable } from '../billTable.ts';
import { readCircumstances, readRateInput } from '../circumstances.ts';
import type { CircumstanceOptions, RateInput } from '../circumstances.ts';
import { customerClassWarnings, sayWarnings } from '../customerClass.ts';
import { readJson, writeJson } from '../inputFile.ts';
import { firstDocument, openTariff } from '../tariffFile.ts';
import type { OpenedTariff, TariffSource } from '../tariffFile.ts';

export type RateOptions = TariffSource &
  CircumstanceOptions & {
    readonly load: string;
    readonly judge: boolean;
    readonly carry?: string | undefined;
    readonly carryOut?: string | undefined;
  };

/** The second engine over the same files: a difference is our mistake, and told as one. */
function judge(
  opened: OpenedTariff,
  input: RateInput,
  bills: readonly MonthBill[],
): Outcome<null, 'ENGINES_DIFFER'> {
  const judged = judgeLoad({
    ...input,
    documents: opened.texts,
    attributes: input.attributesText,
  });
  if (!judged.ok) {
    const message = `The second engine refuses what the first one bills: ${judged.message}`;
    return refuse('ENGINES_DIFFER', message);
  }
  const differences = differencesOf(bills, judged.value.bills);
  if (differences.length === 0) return accept(null);
  const told = differences.slice(0, differencesToldMax).join('\n');
  const message = `The two engines differ in ${differences.length} values; trust none:\n${told}`;
  return refuse('ENGINES_DIFFER', message);
}

/** What the month before the first one left: tiers used, peaks, credits, yearly minima. */
function readCarry({ carry, judge: isJudged }: RateOptions): Outcome<Carry, string> {
  if (carry === undefined) return accept(emptyCarry);
  if (isJudged)
    throw new Misused('the second engine begins without --carry; leave one of them out');
  const json = readJson(carry);
  if (!json.ok) return json;
  const decoded = decodeBillCarry(json.value);
  return decoded.ok ? decoded : { ...decoded, message: `${carry}: ${decoded.message}` };
}

/** One bill a calendar month and version, of a tariff file over a load file. */
export function rateTariff(options: RateOptions): Answer {
  const opened = openTariff(options);
  if (!opened.ok) return opened;
  const circumstances = readCircumstances(opened.value, options);
  if (!circumstances.ok) return circumstances;
  const input = readRateInput(circumstances.value, options.load, options);
  if (!input.ok) return input;
  const carryIn = readCarry(options);
  if (!carryIn.ok) return carryIn;
  const { documents } = opened.value;
  const rated = rateLoad({ ...input.value, documents, carryIn: carryIn.value });
  if (!rated.ok) return rated;
  if (options.judge) {
    const agreed = judge(opened.value, input.value, rated.value.bills);
    if (!agreed.ok) return agreed;
  }
  if (options.carryOut !== undefined) {
    const written = writeJson(options.carryOut, encodeBillCarry(rated.value.carryOut));
    if (!written.ok) return written;
  }
  const { currency } = firstDocument(opened.value);
  const bills = rated.value.bills.map((bill) => billFact(bill, input.value.zone));
  const unmatched = customerClassWarnings(documents, input.value.attributes);
  sayWarnings(unmatched);
  const warnings = warningFacts(opened.value, rated.value.bills);
  const sentence = billTable({ currency, bills, warnings });
  const facts = { currency, bills, warnings: [...unmatched, ...warnings] };
  return accept({ sentence, facts, isBare: true });
}
