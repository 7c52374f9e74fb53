import { Decimal } from 'decimal.js';
import type { RatingJob } from '../src/domain/rating/job.ts';
import {
  bill,
  blocks,
  carriedWatts,
  dayPrices,
  demandPricePerKw,
  spotText,
} from './ratingKinds.ts';
import type { Kind } from './ratingKinds.ts';
import { dayNightTariff } from '../test/support/build/fleet.ts';

/**
 * `texts`: the price is read from the tariff's text wherever it is used, as in a first version of
 * most programs. `prepared`: every price was made a Decimal before the clock runs.
 */
export type Prices = 'texts' | 'prepared';

/** Currency a kWh of a slot. The period of a slot is at hand already: it costs nothing here. */
type PriceAt = (agreement: number, slot: number) => Decimal;

const { night, day } = dayNightTariff.components[0].prices;

function readOr(prices: Prices, text: string): () => Decimal {
  const decimal = new Decimal(text);
  return prices === 'prepared' ? () => decimal : () => new Decimal(text);
}

function isNight(job: RatingJob, slot: number): boolean {
  // Midnight to 06:00 and 22:00 to midnight in quarter hours; January has no change of the clocks.
  const quarter = (slot + job.firstSlot[0] + 4) % 96;
  return quarter < 24 || quarter >= 88;
}

function priceAtOf(kind: Kind, job: RatingJob, prices: Prices): PriceAt {
  if (kind === 'spot by the hour' || kind === 'spot by the quarter hour') {
    const slotsPerPrice = kind === 'spot by the hour' ? 4 : 1;
    const count = Math.ceil(job.offsets[1] / slotsPerPrice);
    const made = Array.from({ length: count }, (_, at) => new Decimal(spotText(at)).div(1_000));
    const texts = made.map((price) => price.toFixed());
    return prices === 'prepared'
      ? (_, slot) => made[Math.floor(slot / slotsPerPrice)]
      : (_, slot) => new Decimal(texts[Math.floor(slot / slotsPerPrice)]);
  }
  const nightPrice = readOr(prices, night);
  const byDay = kind === 'bills of a month' ? dayPrices : [day];
  const days = byDay.map((text) => readOr(prices, text));
  const nights = Array.from({ length: job.offsets[1] }, (_, slot) => isNight(job, slot));
  return (agreement, slot) => (nights[slot] ? nightPrice() : days[agreement % days.length]());
}

/** kWh times price, slot by slot; blocks from 0 up, a slot that crosses a limit is split. */
function blocksAmount(
  job: RatingJob,
  agreement: number,
  priceAt: PriceAt,
  prices: Prices,
): Decimal {
  const blockPrices = blocks.map(({ price }) => readOr(prices, price ?? '0'));
  const from = job.offsets[agreement];
  let amount = new Decimal(0);
  let usedKwh = new Decimal(0);
  for (let index = from; index < job.offsets[agreement + 1]; index += 1) {
    let kwh = new Decimal(job.import[index]).div(1_000);
    for (const [at, { upToKwh, price }] of blocks.entries()) {
      const room = new Decimal(upToKwh).minus(usedKwh);
      if (room.lte(0)) continue;
      const part = Decimal.min(kwh, room);
      amount = amount.plus(
        part.times(price === null ? priceAt(agreement, index - from) : blockPrices[at]()),
      );
      usedKwh = usedKwh.plus(part);
      kwh = kwh.minus(part);
      if (kwh.isZero()) break;
    }
  }
  return amount;
}

function demandAmount(job: RatingJob, agreement: number): Decimal {
  let highestKwh = new Decimal(0);
  for (let index = job.offsets[agreement]; index < job.offsets[agreement + 1]; index += 1) {
    highestKwh = Decimal.max(highestKwh, new Decimal(job.import[index]).div(1_000));
  }
  const carried = new Decimal(String(carriedWatts[agreement % carriedWatts.length])).div(1_000);
  return Decimal.max(highestKwh.times(4), carried.times('0.5')).times(demandPricePerKw);
}

/** Night and day each a line, a standing charge a day and a tax; each rounded to the cent. */
function billAmount(job: RatingJob, agreement: number, priceAt: PriceAt): Decimal {
  const from = job.offsets[agreement];
  const lines = [new Decimal(0), new Decimal(0)];
  for (let index = from; index < job.offsets[agreement + 1]; index += 1) {
    const kwh = new Decimal(job.import[index]).div(1_000);
    const line = isNight(job, index - from) ? 0 : 1;
    lines[line] = lines[line].plus(kwh.times(priceAt(agreement, index - from)));
  }
  const days = (job.offsets[agreement + 1] - from) / 96;
  lines.push(new Decimal(bill.perDay).times(days));
  const cents = lines.map((amount) => amount.toDecimalPlaces(2, Decimal.ROUND_HALF_UP));
  const net = Decimal.sum(...cents);
  return net.plus(net.times(bill.vatPercent).div(100).toDecimalPlaces(2, Decimal.ROUND_HALF_UP));
}

function energyAmount(job: RatingJob, agreement: number, priceAt: PriceAt): Decimal {
  const from = job.offsets[agreement];
  let amount = new Decimal(0);
  for (let index = from; index < job.offsets[agreement + 1]; index += 1) {
    const kwh = new Decimal(job.import[index]).div(1_000);
    amount = amount.plus(kwh.times(priceAt(agreement, index - from)));
  }
  return amount;
}

/** What one would write first: slot by slot, exact. The micro-units of the first agreements. */
export function decimalMicros(
  kind: Kind,
  job: RatingJob,
  { agreements, prices }: { readonly agreements: number; readonly prices: Prices },
): string[] {
  const priceAt = priceAtOf(kind, job, prices);
  return Array.from({ length: agreements }, (_, agreement) => {
    let amount: Decimal;
    if (kind === 'chronological blocks') amount = blocksAmount(job, agreement, priceAt, prices);
    else if (kind === 'bills of a month') amount = billAmount(job, agreement, priceAt);
    else amount = energyAmount(job, agreement, priceAt);
    if (kind === 'demand with ratchet') amount = amount.plus(demandAmount(job, agreement));
    return amount.times(1_000_000).toDecimalPlaces(0, Decimal.ROUND_HALF_EVEN).toFixed(0);
  });
}
