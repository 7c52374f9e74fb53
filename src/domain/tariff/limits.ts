/** Bounds of tariffs, their prices and bills; the other limits are in src/domain/limits.ts. */

/** Bounds of a tariff document: several times the largest published rates, and small enough that
 * checking every slot of every possible day stays a matter of milliseconds. */
export const tariffNameLengthMax = 40;
export const calendarsPerTariffMax = 8;
export const seasonsPerCalendarMax = 12;
export const spansPerSeasonMax = 12;
export const dayTypesPerCalendarMax = 12;
export const datesPerDayTypeMax = 512;
export const datesPerTariffMax = 1_024;
export const rulesPerCalendarMax = 288;
export const componentsPerTariffMax = 64;
/**
 * How long before the prices that are read a `last` one may lie, 31 days: a series that is older
 * has ended, not paused, and its last price says nothing of today's.
 */
export const lastPriceMsMax = 2_678_400_000;
/** Steps of one price: published rates have up to ten. */
export const tiersPerPriceMax = 16;
export const ratchetsPerDemandMax = 4;
/** Months that a ratchet or a mean of monthly peaks looks back: two years. */
export const lookBackMonthsMax = 24;
/** Peaks of a month that are averaged. */
export const topPeaksMax = 31;
/** System peaks that are announced by date and hour. */
export const coincidentWindowsMax = 512;
export const powerFactorStepsMax = 16;
/** Golden examples that a document carries, and pieces of load of each. */
export const examplesPerTariffMax = 64;
export const loadPiecesPerExampleMax = 256;
/** Versions in one file, price series in one document, prices in one series: a year of quarter
 * hours and some days. */
export const versionsPerFileMax = 64;
export const priceSeriesPerTariffMax = 8;
export const pricesPerSeriesMax = 38_400;
/** Periods of all calendars intersected; the slot table holds one byte a slot. */
export const superPeriodsPerTariffMax = 255;
/** Ten million currency units a kWh, at 10^-8: above any real price, far inside an int64. */
export const priceE8Max = 1_000_000_000_000_000n;
/** A file of another system's tariff or prices: a year of quarter hours in its longest form, XML
 * of 150 characters a price, is 6 million; parsing so many takes under a second. */
export const importCharactersMax = 8_388_608;
/** Remarks on an imported file that are told; the rest are counted. */
export const importWarningsMax = 64;
/** A trillion of any other number of a tariff, at 10^-8: amounts, limits of tiers, percentages. */
export const amountE8Max = 100_000_000_000_000_000_000n;
/** A rounding step, at 10^-8: up to a million units of currency or of energy. */
export const roundingStepE8Max = 100_000_000_000_000n;
/** Digits of a decimal text, sign and point apart: beyond any amount, and cheap to parse. */
export const decimalDigitsMax = 38;
/** Characters of an exact ratio that one bill leaves to the next: sums of fractions of days, years
 * long, have some tens of digits. */
export const carriedDigitsMax = 2_000;
/**
 * One compiled tariff covers one bill, a month at most: 31 days and an hour of minutes. Minutes are
 * the finest grid that a load is cut to.
 */
export const slotsPerCompiledTariffMax = 44_700;
