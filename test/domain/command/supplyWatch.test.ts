import { expect, test } from 'vitest';
import { bypassBehind, overLimit } from '../../../src/domain/command/supplyWatch.ts';

test('domain rule 66: 0.3 kWh after a verified cut are a bypass, what flowed before is not', () => {
  const sinceMs = 1_000;
  const before = bypassBehind({ sinceMs, registerWh: null }, { atMs: 999, registerWh: 5_000n });
  expect(before).toBeNull();
  // The first reading after the cut holds what was used until then, however much.
  const first = bypassBehind({ sinceMs, registerWh: null }, { atMs: 1_500, registerWh: 6_250n });
  expect(first).toEqual({ registerWh: 6_250n, energyWh: 0n, isBypass: false });
  const cut = { sinceMs, registerWh: 6_250n };
  expect(bypassBehind(cut, { atMs: 2_000, registerWh: 6_549n })).toMatchObject({
    energyWh: 299n,
    isBypass: false,
  });
  expect(bypassBehind(cut, { atMs: 2_000, registerWh: 6_550n })).toMatchObject({ isBypass: true });
  // An exchanged register begins again.
  expect(bypassBehind(cut, { atMs: 2_000, registerWh: 10n })).toEqual({
    registerWh: 10n,
    energyWh: 0n,
    isBypass: false,
  });
});

test('domain rule 71: 0.6 kW for 5 min at a limit of 500 W trips, and not a moment less', () => {
  const limit = { limitW: 500, tripAfterMs: 300_000 };
  const step = (overSinceMs: number | null, atMs: number, powerW: number) =>
    overLimit({ ...limit, overSinceMs }, { atMs, powerW });
  expect(step(null, 0, 600)).toEqual({ overSinceMs: 0, isTripped: false });
  expect(step(0, 299_999, 600)).toEqual({ overSinceMs: 0, isTripped: false });
  expect(step(0, 300_000, 600)).toEqual({ overSinceMs: 0, isTripped: true });
  expect(step(0, 200_000, 500)).toEqual({ overSinceMs: null, isTripped: false });
});
