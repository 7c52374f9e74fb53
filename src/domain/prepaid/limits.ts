/** A policy names at most so many spans, holidays, thresholds and rules of allocation. */
export const protectedSpansMax = 32;
export const policyHolidaysMax = 400;
export const warningThresholdsMax = 12;
/** A warning further ahead than a quarter is none. */
export const warningDaysMax = 92;
/** Two weeks of notice are more than any rule that is known asks for. */
export const noticeHoursMax = 336;
/** After weather that is over, so many days at most. */
export const daysAfterWeatherMax = 14;
/** Data older than a day says nothing about a balance; a policy may not look further back. */
export const policyDataAgeMinutesMax = 1_440;
/** What a small household's limiter is set to, from a lamp to a stove. */
export const loadLimitWMin = 50;
export const loadLimitWMax = 100_000;
export const loadLimitTripMinutesMax = 120;
/** Cuts of one region within the breaker's window; above it somebody wanted no breaker at all. */
export const breakerCutsMax = 10_000;
export const breakerMinutesMax = 1_440;
/** How far ahead the next unprotected instant is looked for: beyond it there is none. */
export const protectedLookDays = 400;
/** Days of a weekly debt plan that are taken up after a standstill; older ones are let go. */
export const debtDaysCaughtUpMax = 7;
/** Local days that an ordinary day is the mean of. */
export const forecastDaysMax = 28;
/** A balance that lasts longer is not told by the day. */
export const daysLeftMax = 92;
/** What an ordinary day costs is worked out again after so long. */
export const forecastAgeMsMax = 3_600_000;
/** A balance that lasts longer is told to last so long. */
export const runsOutDaysMax = 3_650;
/** A sweep looks at so many accounts for so long; the next goes on. */
export const warnedPerSweepMax = 2_048;
export const warnSweepMsMax = 5_000;
/** Notices of one sweep, one after another. */
export const noticesPerSweepMax = 64;
/** A slow gateway holds what is swept besides notices up no longer; the next sweep goes on. */
export const noticeSweepMsMax = 10_000;
/** A notice that fails is tried again after this, then twice as long, up to so many tries. */
export const noticeFirstRetryMs = 30_000;
export const noticeTriesMax = 8;
/** What is older has missed its purpose and is not sent any more. */
export const noticeAgeMsMax = 3 * 86_400_000;
/** Days behind today that a supply's silence is looked up in: a sweep may stand still so long. */
export const idleLookDays = 35;
/** Reports of one message of the gateway: they gather them for a second or so. */
export const reportsPerMessageMax = 200;
