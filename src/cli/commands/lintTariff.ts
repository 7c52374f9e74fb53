import { accept, refuse } from '../../domain/outcome.ts';
import { runExamples } from '../../domain/rating/examples.ts';
import { describeTariff } from '../../domain/tariff/describe.ts';
import { refusePrepaid } from '../../domain/tariff/prepaid.ts';
import type { Answer } from '../answer.ts';
import { firstDocument, openTariff } from '../tariffFile.ts';

/** Checks a tariff file as publishing does, runs its golden examples, and tells it in words. */
export function lintTariff(file: string): Answer {
  const opened = openTariff({ tariff: file });
  if (!opened.ok) return opened;
  const { documents, texts } = opened.value;
  const examples = documents.flatMap((document, version) =>
    runExamples(document, texts[version]).map(({ name, outcome }) => ({
      name,
      ok: outcome.ok,
      ...(outcome.ok ? {} : { code: outcome.code, message: outcome.message }),
    })),
  );
  const wrong = examples.filter(({ ok }) => !ok);
  const [first] = wrong;
  if (first !== undefined) {
    const message = wrong.map((example) => example.message ?? example.name).join('\n');
    return { ...refuse(first.code ?? 'TARIFF_EXAMPLE_FAILED', message), facts: { examples } };
  }
  const { currency, zone } = firstDocument(opened.value);
  const description = documents.flatMap((document) => [...describeTariff(document)]);
  const [prepaid = null] = documents.flatMap((document) => refusePrepaid(document) ?? []);
  const golden =
    examples.length === 0 ? 'no golden examples' : `${examples.length} golden examples`;
  const zoneText = zone ?? "the service point's zone";
  const sentence = [
    `${file} is sound: ${currency}, ${zoneText}; ${golden}.`,
    ...description,
    ...(prepaid === null ? [] : [`Not for prepaid agreements: ${prepaid.message}`]),
  ].join('\n');
  const facts = {
    currency,
    zone,
    versions: documents.length,
    description,
    examples,
    isForPrepaid: prepaid === null,
  };
  return accept({ sentence, facts });
}
