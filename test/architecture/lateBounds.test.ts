import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  gapBridgedDaysMax,
  readAheadMsMax,
  readAtMsMax,
  readAtMsMin,
  seriesWindowDaysMax,
} from '../../src/domain/limits.ts';
import { decisionEffectDaysMax, veeHistoryDaysMax } from '../../src/domain/vee/limits.ts';
import { projectRoot } from './projectFiles.ts';

const yearOf = (ms: number): string => String(new Date(ms).getUTCFullYear());

/** As the page's table of how late says each, in its own unit. */
const bounds = {
  readAtMsMin: yearOf(readAtMsMin),
  readAtMsMax: yearOf(readAtMsMax - 1),
  readAheadMsMax: `${readAheadMsMax / 1_000} s`,
  gapBridgedDaysMax: `${gapBridgedDaysMax} days`,
  veeHistoryDaysMax: String(veeHistoryDaysMax),
  decisionEffectDaysMax: `${decisionEffectDaysMax} days`,
  seriesWindowDaysMax: `${seriesWindowDaysMax} days`,
};

function missingIn(page: string): readonly string[] {
  return Object.entries(bounds).flatMap(([name, said]) =>
    page.includes(`${said} (\`${name}\`)`) ? [] : [name],
  );
}

test('the bounds that docs/ingest.md names are those of the code', () => {
  const page = readFileSync(path.join(projectRoot, 'docs/ingest.md'), 'utf8');
  expect(missingIn(page)).toEqual([]);
  expect(missingIn(page.replace('92 days (`', '93 days (`'))).toEqual(['seriesWindowDaysMax']);
});
