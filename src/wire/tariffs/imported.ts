import { importCharactersMax, importWarningsMax } from '../../domain/tariff/limits.ts';
import { accept, refuse } from '../../domain/outcome.ts';
import type { Outcome, Refused } from '../../domain/outcome.ts';
import type { TariffText } from '../../domain/tariff/shape.ts';

/** Something that the file says and the document does not, or that had to be decided. */
export type ImportWarning = {
  /** Stable; never reworded. */
  readonly code: string;
  /** The field of the source; empty: the file as a whole. */
  readonly path: readonly string[];
  readonly message: string;
};

export type ImportedTariff = {
  readonly document: TariffText;
  readonly warnings: readonly ImportWarning[];
};

export type PriceSeriesText = NonNullable<TariffText['priceSeries']>[number];

export type Path = readonly (string | number)[];

/** What is worth saying about one file; bounded, however bad the file is. */
export type Remarks = {
  add(code: string, path: Path, message: string): void;
  list(): readonly ImportWarning[];
};

export function collectRemarks(): Remarks {
  const warnings: ImportWarning[] = [];
  let untold = 0;
  return {
    add(code, path, message) {
      if (warnings.length < importWarningsMax) {
        warnings.push({ code, path: path.map(String), message });
      } else {
        untold += 1;
      }
    },
    list() {
      if (untold === 0) return warnings;
      const message = `${untold} more remarks of the same kinds are left out here.`;
      return [...warnings, { code: 'WARNINGS_LEFT_OUT', path: [], message }];
    },
  };
}

/** The message names the place first, so that it also speaks where paths are not shown. */
export function refuseAt<const Code extends string>(
  code: Code,
  path: Path,
  message: string,
): Refused<Code> {
  const texts = path.map(String);
  return refuse(code, `${texts.length === 0 ? 'The file' : texts.join('.')}: ${message}`, texts);
}

/** The text without its byte order mark, when it is not beyond the bound. */
export function boundedText(text: string): string | null {
  if (text.length > importCharactersMax) return null;
  return text.startsWith('\u{FEFF}') ? text.slice(1) : text;
}

export const tooLarge = `the file has more than ${importCharactersMax} characters; split it.`;

export function parseJsonText(text: string): Outcome<unknown, 'TOO_LARGE' | 'NOT_JSON'> {
  const bounded = boundedText(text);
  if (bounded === null) return refuse('TOO_LARGE', tooLarge);
  try {
    const value: unknown = JSON.parse(bounded);
    return accept(value);
  } catch {
    return refuse('NOT_JSON', 'it is no JSON; give the whole answer or file as it was stored.');
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
