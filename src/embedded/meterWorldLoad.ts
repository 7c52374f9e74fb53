/** Power is constant within a slot of the clock, so energy is a sum of whole products. */
export const loadSlotMs = 10_000;
/** A jump of the clock is integrated by slots up to a day; the rest at the last slot's power. */
const slotsIntegratedMax = 8_640;

export type LoadShape = {
  /** Power drawn in a slot, in whole watts. */
  powerW(meterIndex: number, slot: number): number;
};

/**
 * A household: standby and fridge all day, a morning and an evening peak by local hour, and now and
 * then a kettle. Sizes and habits differ by meter; everything follows from the seed.
 */
export function householdLoad({ seed, timeZone }: { seed: number; timeZone: string }): LoadShape {
  const localHour = createLocalHour(timeZone);
  return {
    powerW(meterIndex, slot) {
      const size = 0.5 + 1.5 * chance(seed, meterIndex, 0x5127e);
      const shift = 2 * chance(seed, meterIndex, 0x5417f) - 1; // hours early or late
      const hour = localHour(slot * loadSlotMs);
      const morning = 900 * bell(hour, 7.3 + shift, 1.1);
      const evening = 1_600 * bell(hour, 19.2 + shift, 2.2);
      const steady =
        (120 + morning + evening) * size * (0.75 + 0.5 * chance(seed, meterIndex, slot));
      // Three minutes of a 2 kW kettle, more often when people are up.
      const kettleSlot = Math.floor(slot / 18);
      const awake = hour >= 6 && hour < 23.5 ? 0.06 : 0.005;
      const kettle = chance(seed ^ 0x7e77, meterIndex, kettleSlot) < awake ? 2_000 : 0;
      return Math.round(steady) + kettle;
    },
  };
}

/** Energy over [fromMs, toMs) in millijoules: W x ms, exact. */
export function integrateMj(
  load: LoadShape,
  { meterIndex, fromMs, toMs }: { meterIndex: number; fromMs: number; toMs: number },
): bigint {
  let atMs = fromMs;
  let sumMj = 0n;
  for (let slots = 1; atMs < toMs; slots += 1) {
    const slot = Math.floor(atMs / loadSlotMs);
    const endMs = slots < slotsIntegratedMax ? Math.min(toMs, (slot + 1) * loadSlotMs) : toMs;
    sumMj += BigInt(load.powerW(meterIndex, slot)) * BigInt(endMs - atMs);
    atMs = endMs;
  }
  return sumMj;
}

/** A number in [0, 1) that depends on nothing but its arguments (finaliser of MurmurHash3). */
export function chance(seed: number, first: number, second: number): number {
  let hash = (seed ^ Math.imul(first + 1, 0x9e3779b1) ^ Math.imul(second + 1, 0x85ebca77)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function bell(hour: number, centre: number, width: number): number {
  const apart = Math.abs(hour - centre);
  const distance = Math.min(apart, 24 - apart) / width;
  return Math.exp(-distance * distance);
}

/** Local hour with its fraction. The zone's offset is looked up once an hour of the clock. */
function createLocalHour(timeZone: string): (instantMs: number) => number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const hourMs = 3_600_000;
  let cachedHour = Number.NaN;
  let localAtHour = 0;
  return (instantMs) => {
    const clockHour = Math.floor(instantMs / hourMs);
    if (clockHour !== cachedHour) {
      cachedHour = clockHour;
      const [hours = '0', minutes = '0'] = format.format(clockHour * hourMs).split(':');
      localAtHour = Number(hours) + Number(minutes) / 60;
    }
    return (localAtHour + (instantMs - clockHour * hourMs) / hourMs) % 24;
  };
}
