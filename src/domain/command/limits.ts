/** Bounds of commands to devices and of the decisions before them. */

/** An automatic cut that could not be sent for so long is decided anew. */
export const automaticDisconnectMsMax = 900_000;
/** Somebody sits in the dark: a reconnection is tried for a day before a person must look. */
export const reconnectMsMax = 86_400_000;
/** A person's own order: they are told within the hour that it did not happen. */
export const manualCommandMsMax = 3_600_000;
/** Tries of one command at the device; after them it is failed and visible. */
export const commandAttemptsMax = 3;
/** Wait after the first failed try; doubled after each further one. */
export const commandBackOffMsMin = 2_000;
/**
 * A sent command is nobody else's for so long: two bus operations (15 s each) and the verification
 * (10 s) fit. After a crash it is sent again then.
 */
export const commandLeaseMsMax = 45_000;
/** After a failed automatic command the same meter is left alone for so long. */
export const commandCoolDownMsMin = 60_000;
/** Due commands that are read at a time, and that a process takes on at a look. */
export const commandsPerSweepMax = 256;
/** A person's reason for a command: a sentence or two. */
export const commandReasonLengthMax = 400;
/** Overdue commands are looked for so often, besides by the process that sends them. */
export const commandSweepMs = 10_000;
/** Commands on their way at the same time; the rest wait for one to end. */
export const commandsSentAtOnceMax = 16;
/** The sending process looks for due commands so often, besides its bell. */
export const commandLookMs = 1_000;
/** Two quarter hours without a reading: the balance may be wrong, so nobody is cut off by it. */
export const cutDataAgeMsMax = 1_800_000;
/** A cut that is due and prevented by what has no known end is decided again so often. */
export const supplyAskAgainMs = 900_000;
/** People who have to look before a tripped breaker lets cuts through again; two different ones. */
export const breakerPeople = 2;
/** A yes to a cut of a protected customer holds so long; then it is asked again. */
export const approvalMsMax = 86_400_000;
/** Domain rule 66: so much energy behind a verified cut is somebody's second way to it. */
export const bypassWhMin = 300n;
/** A name of a region, such as a town or a feeder. */
export const regionLengthMax = 60;
/** An advisory of more than a season is a mistake. */
export const advisoryDaysMax = 120;
/** Supplies of one page of a forecast, each with all its findings. */
export const forecastPageMax = 500;
/** Rows of one look at cut and limited supplies; the next look goes on. */
export const watchedPerSweepMax = 1_000;
/** A paid supply comes back in 5 s, and the sweeps look every 10 s: after this it is a fault. */
export const supplyPatienceMs = 60_000;
