/** Bounds of what payment providers are asked and tell. */

/** A provider's message: Stripe's events stay far below 100 kB. */
export const webhookBytesMax = 262_144;
/** stripe-node believes a signature of an hour ahead; five minutes either way is what it means. */
export const webhookAgeMsMax = 300_000;
/** Messages of providers that are worked on at once: their bytes and a transaction each. */
export const webhooksAtOnceMax = 32;
/** Refused messages of a channel that the audit keeps in a minute; more are somebody's noise. */
export const webhookRefusalsPerMinuteMax = 30;
/** Refused requests of a viewer about money or supply that the audit keeps in a minute. */
export const refusalsPerMinuteMax = 60;
export const webhookRetryAfterS = 5;
/** A body that takes longer to arrive is not waited for. */
export const webhookBodyMsMax = 10_000;
/** A call to a provider; Stripe answers within two seconds as a rule. */
export const providerCallMsMax = 10_000;
/** Tries after the first one, under the same idempotency key. */
export const providerRetriesMax = 2;
/** Entries of one payout that are read for its fees, a hundred a call: days of a large utility. */
export const settledEntriesMax = 100_000;
/** Vouchers of one making: a box of cards; their codes are one file. */
export const vouchersPerBatchMax = 10_000;
/** Vouchers of one sale or one taking back, a transfer each. */
export const vouchersAtOnceMax = 1_000;
/** Codes in vain an hour: no code can be guessed, so more are somebody's noise. */
export const voucherTriesPerHourMax = 10;
/** Ten years. */
export const voucherDaysMax = 3_660;
/** A provider's call with its retries takes a minute at most; then somebody else may ask. */
export const providerLeaseMs = 90_000;
/** What had no answer is asked again after this, and after twice as long each time. */
export const providerRetryFirstMs = 30_000;
export const providerRetryMsMax = 1_800_000;
/** Stripe forgets a key after a day: later the same request would be done a second time. */
export const providerGiveUpMs = 72_000_000;
/** A charge that was taken on and not heard of for so long is asked after, so often. */
export const chargeSilentMs = 3_600_000;
/** A bank's debit is told within ten working days; after two weeks nobody waits for it. */
export const chargeSilentMsMax = 14 * 86_400_000;
/** Calls that are made at once; the rest wait for the next round. */
export const providerCallsAtOnceMax = 8;
/** Standing orders of one page. */
export const topUpsPerRoundMax = 100;
/** A call is made within seconds of being due; an hour later no worker is there. */
export const providerOverdueMs = 3_600_000;
