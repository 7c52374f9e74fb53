import { describe, expect, test } from 'vitest';
import { parseTariffFile } from '../../../src/domain/tariff/file.ts';
import { withComponent } from './fullDocument.ts';
import type { Json, JsonObject } from './fullDocument.ts';

function version(changes: JsonObject): JsonObject {
  return { ...withComponent(), ...changes };
}

describe('a tariff file', () => {
  test('may be a lone document', () => {
    const parsed = parseTariffFile(version({}));
    expect(parsed).toMatchObject({ ok: true, value: [{ validFrom: null, validTo: null }] });
  });

  test('has versions of which each ends where the next begins', () => {
    const parsed = parseTariffFile({
      versions: [
        version({}),
        version({ validFrom: '2026-04-01', validTo: '2026-07-01T00:00' }),
        version({ validFrom: '2026-07-01' }),
      ],
    });
    expect(parsed).toMatchObject({
      ok: true,
      value: [
        { validFrom: null, validTo: '2026-04-01' },
        { validFrom: '2026-04-01', validTo: '2026-07-01' },
        { validFrom: '2026-07-01', validTo: null },
      ],
    });
  });
});

const spring = version({ validFrom: '2026-04-01', validTo: '2026-07-01' });

/** What is wrong, the file, the code, and the path. */
const refusals: [string, Json, string, string][] = [
  ['no versions', { versions: [] }, 'TARIFF_MALFORMED', 'versions'],
  ['versions and more', { versions: [spring], name: 'x' }, 'TARIFF_MALFORMED', 'name'],
  ['a list', [spring], 'TARIFF_MALFORMED', ''],
  [
    'a version that is refused',
    { versions: [spring, {}] },
    'TARIFF_MALFORMED',
    'versions.1.currency',
  ],
  [
    'a second version without a begin',
    { versions: [spring, version({})] },
    'TARIFF_MALFORMED',
    'versions.1.validFrom',
  ],
  [
    'versions out of order',
    { versions: [spring, version({ validFrom: '2026-01-01' })] },
    'TARIFF_OVERLAP',
    'versions.1.validFrom',
  ],
  [
    'two versions at once',
    {
      versions: [version({ validFrom: '2026-04-01' }), version({ validFrom: '2026-04-01T00:00' })],
    },
    'TARIFF_OVERLAP',
    'versions.1.validFrom',
  ],
  [
    'versions that overlap',
    { versions: [spring, version({ validFrom: '2026-06-30T23:45' })] },
    'TARIFF_OVERLAP',
    'versions.1.validFrom',
  ],
  [
    'time without a version',
    { versions: [spring, version({ validFrom: '2026-07-02' })] },
    'TARIFF_GAP',
    'versions.1.validFrom',
  ],
  [
    'two currencies',
    { versions: [spring, version({ validFrom: '2026-07-01', currency: 'USD' })] },
    'TARIFF_MALFORMED',
    'versions.1.currency',
  ],
  [
    'two zones',
    { versions: [spring, version({ validFrom: '2026-07-01', zone: 'UTC' })] },
    'TARIFF_MALFORMED',
    'versions.1.zone',
  ],
];

describe('a tariff file is refused for', () => {
  test.each(refusals)('%s', (_what, file, code, path) => {
    const parsed = parseTariffFile(file);
    expect(parsed).toMatchObject({ ok: false, code });
    expect(parsed).toMatchObject({ path: path === '' ? [] : path.split('.') });
  });
});
