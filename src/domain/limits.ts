/**
 * Every bound of the system in one place, unit in the name, why beside it. A limit that is reached
 * is an error with a code, never a silent cut.
 */

/** One batch: a gateway's 5 s window or one catch-up chunk; larger ones are split by the edge. */
export const readingsPerBatchMax = 16_384;
/**
 * 16,384 readings of 33 bytes in fixed-width columns with all that may be told of one, the events
 * and frames below, the envelope, and room to grow. Before and after compression.
 */
export const batchBytesMax = 1_048_576;
/** Lines of meters' event logs: a gateway that was away for months sends the rest in the next. */
export const eventsPerBatchMax = 4_096;
/** Answers of devices that are sent along: one of each meter of a large gateway. */
export const framesPerBatchMax = 4_096;
/** Their bytes together: 64 bytes a frame as a rule, some load profiles with 10 kB. */
export const frameBytesPerBatchMax = 262_144;
/** Columns of Postgres: what a batch says of an id, an epoch or a code has to fit in. */
export const int2Max = 32_767;
export const int4Max = 2_147_483_647;
/** int2: a value that was edited so often is edited by a loop. */
export const revisionMax = 32_767;

/** 2200-01-01T00:00Z. Later instants are mistakes of a clock; zone rules say nothing about them. */
export const instantMsMax = 7_258_118_400_000;
/** The longest IANA name, America/Argentina/ComodRivadavia, has 32 characters. */
export const zoneNameLengthMax = 64;
/** About 600 names exist; the rest are spellings in another case. */
export const zoneNamesCachedMax = 1_024;

/** Blocks of one batch: a block a channel is usual; more than this is a broken encoder. */
export const blocksPerBatchMax = 256;
/** Names a public key of an edge: 8 to 32 bytes of its digest. */
export const keyIdBytesMax = 32;
/** A receipt is about 180 bytes: hash, signature and integers; 256 more with all missing runs. */
export const receiptBytesMax = 1_024;
/** Runs of missing sequences that one receipt asks for; the next asks for the rest. */
export const missingRunsMax = 16;
/** A stable code in ASCII: the longest has 26 characters. */
export const codeLengthMax = 64;
/** 2^50 - 1: a batch each millisecond for 35,000 years, and still a safe integer when doubled. */
export const batchSequenceMax = 1_125_899_906_842_623;
/**
 * 2^50 - 1, more than a petawatt-hour: differences of differences of two registers, doubled by
 * zigzag, stay below 2^53 and so exact in a float64.
 */
export const registerWhMax = 1_125_899_906_842_623;
/** int4: two gigawatts are more than any connection has. */
export const powerWMin = -2_147_483_648;
export const powerWMax = 2_147_483_647;
/** 2000-01-01T00:00Z: readings dated earlier come from a clock that was never set. */
export const readAtMsMin = 946_684_800_000;
/** 2100-01-01T00:00Z: the same at the other end; lateness and future are judged by the intake. */
export const readAtMsMax = 4_102_444_800_000;
/** Powers of ten on the wire: nano to giga. */
export const scalerMax = 9;
/**
 * A longer silence of a register is not spread over slots: nobody could defend that estimate. A
 * line of a meter's log that spans more tells of no gap that is, and comes from a wrong clock.
 */
export const gapBridgedDaysMax = 400;
/** A gap has more than two slots between its readings, so no more than these end in a day. */
export const gapsPerDayMax = 48;
/** The weights of one gap together: times a register's difference they are divided exactly. */
export const gapWeightMax = 1_125_899_906_842_623;

/** Pools of all roles in one process, the queue's connections and a person's psql fit. */
export const embeddedConnectionsMax = 200;
/** The broker of a start on one machine is for looking, not for a fleet. */
export const brokerClientsMax = 256;
/** Batches of one client of the broker that wait for their commit; then nothing more is read. */
export const brokerBatchesMax = 64;
/** Their bytes, besides the one that goes beyond: 64 batches of a usual size. */
export const brokerBatchesBytesMax = 16_777_216;
/** Receipts' topics that one client listens to: a gateway has one, a concentrator some. */
export const brokerReceiptTopicsMax = 16;
/** A subscriber's unread bytes; above this it misses updates until it reads again. */
export const brokerBacklogBytesMax = 262_144;
/** A subscriber that takes so long to read its backlog is disconnected. */
export const brokerStallMsMax = 10_000;

/** A meter's clock may be this far ahead of ours; a reading later than that is not believed. */
export const readAheadMsMax = 60_000;
/** A bill whose meter falls silent is closed so long after its end: readings are late by then. */
export const periodCloseMsMax = 259_200_000;
/** Silent agreements of one sweep whose time is charged; the rest are found by the next. */
export const accrualsPerSweepMax = 1_000;
export const accrualSweepMs = 3_600_000;
/** Two engines may differ by less on a bill of a key zone: a cent of most currencies. */
export const keyZoneDifferenceMicrosMax = 10_000n;
/** A judge of a key zone looks back so many months of bills: two years and the present one. */
export const judgedMonthsMax = 25;
/** Tariff version x zone x billing period: 38 kB at most each. */
export const compiledTariffsCachedMax = 512;
/**
 * Batches and readings rated in one commit: what has queued shares its round trips and its rows, a
 * live batch waits for few. 32 batches of the largest kind.
 */
export const batchesPerRatingMax = 1_024;
export const readingsPerRatingMax = 524_288;
/** Of 32 of them, too: lines of meters' logs, and bytes with those of frames. */
export const eventsPerRatingMax = 131_072;
export const bytesPerRatingMax = 33_554_432;
/** Re-rating reads whole months of a meter: a few at a time, so that live readings go on. */
export const dutiesPerRatingMax = 16;
/** The coarsest register that is read, 0.1 kWh: two readings may be off by one step. */
export const registerStepWhMax = 100;

/** A payment of ten million units is a typing error; twice that still fits any balance's int8. */
export const topUpMicrosMax = 10_000_000_000_000n;
/** Expired pending transfers that one sweep ends; the rest are found by the next. */
export const pendingsPerSweepMax = 256;
/** Pending transfers expire in days; one that no sweep saw for so long is a finding of doctor. */
export const pendingSweepDays = 62;
/** Rows that one page of a doctor's check takes: a few tens of MB in the server at most. */
export const doctorRowsPerPage = 20_000;
export const doctorAccountsPerPage = 2_000;
/** Money of cards, of agents and of nobody known goes on within so many days, or somebody looks. */
export const clearingDaysMax = 30;
/** The sweep ends an expired pending transfer within seconds; after an hour it is a fault. */
export const pendingOverdueMs = 3_600_000;
/** A transaction whose connection is lost is begun again so often, within 3 s in all. */
export const surelyTriesMax = 7;
/** Wait after the first loss; doubled after each further one. */
export const surelyWaitMsMin = 50;
/** What people move by hand takes two of them above a hundred units of the currency. */
export const correctionMicrosMax = 100_000_000n;
/** The second of them knows what the first has said: after a week it is asked for anew. */
export const approvalAgeMsMax = 7 * 86_400_000;

/** Blocks of the event log that a process keeps at hand for its live subscribers, a shard. */
export const tailBlocksMax = 128;
/** Their rows together, a shard: about 60 bytes each, 12 MB. Older ones are in the log. */
export const tailRowsMax = 200_000;
/** A bell that was lost is made up for within a second. */
export const tailPollMs = 1_000;
/** Events that one pull takes from the log: what a stalled subscriber costs in memory at most. */
export const subjectEventsPerPullMax = 100;
/** Proxies and phones drop a connection that is silent for 20 to 60 s. */
export const streamProgressMs = 15_000;
/** After the database could not be asked: the stream stays open and asks again. */
export const streamRetryMs = 1_000;

/** An access token has about 400 characters. */
export const tokenLengthMax = 2_048;
/** Two machines kept by NTP differ by less. */
export const clockSkewMs = 5_000;
/** A query and its variables; a form that sends more is not ours. */
export const requestBytesMax = 100_000;
/** One message over a WebSocket: the same. */
export const webSocketMessageBytesMax = 100_000;
/** Sockets of one process: each costs about 50 kB, half of a small machine. */
export const webSocketConnectionsMax = 12_000;
/** What a client gets for saying goodbye when the process stops. */
export const webSocketCloseMsMax = 1_000;
/** A dashboard shows some tens of meters at once. */
export const subscriptionsPerConnectionMax = 50;
/** A client that has connected says who it is at once, or is let go. */
export const connectionInitMsMax = 10_000;
/** Before a token's end, so that the client comes back with a new one and misses nothing. */
export const tokenCloseLeadMs = 5_000;
/** Lexical tokens of a document: the largest page of the console has some hundreds. */
export const documentTokensMax = 4_000;
/** Introspection nests 13 deep; connections of connections some more. */
export const operationDepthMax = 16;
/** Fields, an alias counted each time. */
export const operationBreadthMax = 400;
/** Objects that an operation may make: a page of 500 with ten fields each. */
export const operationCostMax = 10_000;
/** One page of a connection. */
export const pageSizeDefault = 50;
export const pageSizeMax = 500;
/** Of one printed statement: some MB, and a year of quarter hours thrice. */
export const statementEntriesMax = 100_000;
/** A window of readings or intervals: a quarter of quarter hours, 8,832 slots. */
export const seriesWindowDaysMax = 92;
/** Opened documents that a process keeps parsed. */
export const persistedOperationsCachedMax = 1_000;
export const operationNameLengthMax = 120;
/** A declaration of 100,000 meters has about 40 MB; a larger file is of another kind. */
export const inputFileBytesMax = 67_108_864;
/** A token made by hand outlives a shift of work and no more; services get theirs by renewal. */
export const tokenHoursMax = 24;

/**
 * A job of so many slots holds the event loop for about a millisecond, and two threads that have a
 * core each are not faster below it (docs/decisions/threads-for-large-jobs.md).
 */
export const inlineSlotsMax = 1_000_000;
/** The same where windows, spot prices or rounded intervals are folded, which takes longer. */
export const inlineFoldedSlotsMax = 100_000;
/**
 * What a thread takes of a large rating job at a time: long beside taking it, short beside the
 * job.
 */
export const ratingRangeSlots = 100_000;
/** Rating jobs that wait for a thread; a shard has one, and each shard waits for its own. */
export const ratingQueueMax = 64;
/** A rater looks by itself so often, for bells that were lost. */
export const ratingSweepMs = 1_000;
export const ratingBackOffMsMin = 100;
/** A database that is back is noticed within ten seconds. */
export const ratingBackOffMsMax = 10_000;
/** Connections of one queue or worker on Postgres, besides a worker's LISTEN. */
export const queueConnectionsMax = 2;
/** A finished job is forgotten, a failed one kept among so many to be looked at. */
export const failedJobsKeptMax = 200;
/** Days of a calendar that are drawn at once: a leap year. */
export const calendarDaysMax = 366;
/** Weeks before, whose weekdays the rest of a month is guessed from. */
export const projectionWeeks = 4;
/** How far ahead prices are told: three days, as far as day-ahead markets and plans go. */
export const pricesAheadHoursMax = 72;
/** A change of mode is agreed on for the next months, not for years. */
export const modeChangeAheadMsMax = 92 * 86_400_000;
/** The log's partitions are made so many days ahead; a stopped system wakes up within them. */
export const logPartitionsAheadDays = 3;
export const logPartitionSweepMs = 3_600_000;

/** Batches beyond a hole that are looked at for further holes: an old one must cost little. */
export const missingLookMax = 256;
/** Refused batches of one sender that are kept within a minute; more are garbage by the heap. */
export const quarantinedPerMinuteMax = 120;
/** What is kept of one sender's refused batches at once; of all unknown ones together, too. */
export const quarantinedBytesMax = 67_108_864;
/** In a week all of that room is free again: a flood ends, and what is refused later is seen. */
export const quarantineFreedMinutes = 10_080;
/** Besides its bytes, a row costs about so much: empty garbage counts, too. */
export const quarantineRowBytes = 1_024;

/** Batches of all senders that wait for their commit: memory, not durability. */
export const intakeBatchesMax = 4_096;
/** Their bytes: what a process may hold for senders while the database is away. */
export const intakeBytesMax = 67_108_864;
/** Of one sender, so that one flooding gateway leaves room for the others. */
export const intakeLaneBatchesMax = 256;
export const intakeLaneBytesMax = 16_777_216;
/** Batches and bytes of one commit: what has queued while the last one ran, about 10,000 readings
 * uncompressed; larger commits gain nothing more and delay receipts. */
export const intakeCommitBatchesMax = 256;
export const intakeCommitBytesMax = 1_048_576;
/** Commits under way: the next one verifies while the one before waits for its disk. */
export const intakeCommitsAtOnceMax = 2;
/** Addresses with a key that has signed well from there; the oldest is forgotten first. */
export const intakeKnownSendersMax = 65_536;
/** A sender that asks for an answer is told to come back when its batch waits so long. */
export const intakeAnswerMsMax = 20_000;
/** What a sender that is told to come back should wait. */
export const intakeRetryAfterS = 1;
/** Batches of one stream or connection that wait for their receipts. */
export const streamBatchesMax = 64;
/** Connections of the intake: one a gateway; behind a proxy far fewer. */
export const intakeConnectionsMax = 4_096;
export const intakeHeadBytesMax = 8_192;
export const intakeHeadMsMax = 10_000;
/** A batch that takes longer to arrive is not waited for: 1 MB at 17 kB/s, 10 kB on any radio. */
export const intakeBodyMsMax = 60_000;
/** Batches that are arriving, of all connections together. */
export const intakeArrivingBytesMax = 67_108_864;
/** JSON in JSON escapes its quotes; a JSON envelope of more than twice its batch is none. */
export const intakeJsonBytesMax = 2_097_152;
/**
 * A packet to the broker: whatever HTTP takes as one batch, and a byte more, so that its sender is
 * told what is wrong; fixed header (5), topic (2 and 32), packet id (2), rounded up.
 */
export const brokerPacketBytesMax = intakeJsonBytesMax + 1 + 64;
/** What is read of a body that is refused, so that its sender hears why. */
export const intakeDiscardBytesMax = 16_777_216;
export const intakeDiscardMsMax = 5_000;
/** A stream that says nothing for so long is closed; the sender opens another. */
export const intakeStreamIdleMsMax = 300_000;
/** A client that does not read its receipts for so long is closed. */
export const intakeStallMsMax = 30_000;
/** Batches that one process has from its broker and has not acknowledged. */
export const mqttBatchesMax = 64;
/** A broker keeps what a process has not acknowledged for a day: it is restarted within that. */
export const mqttSessionS = 86_400;
export const mqttReconnectMs = 1_000;
/** What is asked of the intake at its end: batches under way get their receipts. */
export const intakeDrainMsMax = 5_000;

/** Uncommitted batches of a head-end, one a poll: then polls pause, since registers can wait. */
export const headEndBatchesMax = 512;
/** Batches of one commit: what has queued while the last one ran. */
export const headEndCommitBatchesMax = 64;
export const commitBackOffMsMin = 100;
export const commitBackOffMsMax = 10_000;
/** Buses polled at the same time by one process; each has at most one request in flight. */
export const busesPolledAtOnceMax = 64;
/** Events of one look of the publisher, and subjects of one message: below the broker's packet. */
export const eventsPerRelayMax = 64;
export const updatesPerMessageMax = 256;
/** The publisher looks so often by itself, for bells that were lost. */
export const relaySweepMs = 1_000;
export const relayBackOffMs = 2_000;
/** A try whose end is unknown is followed up for so long by itself; then a person must look. */
export const supplyFollowUpMsMax = 172_800_000;
/** How long the beat of a bus may be missing when Redis has forgotten its schedules. */
export const schedulesCheckMs = 10_000;
/** Accounts of one sweep over supplies; the rest are found by the next. */
export const accountsPerSweepMax = 256;

/** A replay copies so many batches at a time: at most 256 MB in memory, some ten MB as a rule. */
export const replayedBatchesPerCopy = 256;
/** Rows of one fetch when a replay compares tables of any length. */
export const replayedRowsPerFetch = 1_000;
/** Differences that a replay names; one is enough to look into, the rest are counted. */
export const differencesToldMax = 20;

/** Tries of a batch that breaks an assertion before it is set aside; others never end. */
export const ratingTriesMax = 4;

/** A load file's interval in minutes: what meters store, and what an hour divides into. */
export const loadIntervalMinutes = [5, 10, 15, 30, 60] as const;
/** Ten years of five minutes, leap days included. */
export const loadIntervalsMax = 1_052_064;
/** 100 GWh in one interval is more than any country; a month of it in twelfths stays below 2^53. */
export const intervalWhMax = 100_000_000_000;
/** An instant and six numbers of 12 digits. */
export const loadLineLengthMax = 256;
/** Forty years of bills at once: 480 calendars to compile. */
export const billedDaysMax = 14_640;
/** Load files of one simulation: a village, or a sample of a town. */
export const loadFilesMax = 10_000;

/** Readings that a person enters or corrects at once: a meter-reading round, a corrected batch. */
export const officeReadingsMax = 10_000;
/** A person's reason for a reading or an edit: a paragraph. */
export const officeReasonLengthMax = 1_000;
/** Rows that one request leaves out for good: a transaction while no rating commits. */
export const dismissedRowsMax = 10_000;
/** Batches that one look of the rater takes from the log again; the next look goes on behind. */
export const retriedBatchesMax = 256;
/** So many are opened at a time, until they are as much as one rating takes. */
export const retriedBatchesPerRead = 32;
/** Batches that one page of raw readings goes through: a meter that is in none of them ends it. */
export const fragmentBatchesMax = 4_096;
/** Batches that are read from the log at a time when somebody looks into it. */
export const logReadBatches = 64;
/** A hole in an edge's sequence is asked for again at once; after an hour somebody must look. */
export const batchesMissingMsMax = 3_600_000;
/**
 * Meters whose readings of a day a reconciliation holds at once: 40 MB a register where each slot
 * has two readings. The log of their edges is read once for all of them.
 */
export const recountedMetersAtOnce = 1_024;
/** Of one request to the API: 1,400 meters for a week. Whoever has more runs it by itself. */
export const reconciledMeterDaysMax = 10_000;
/** Findings of a reconciliation that are named; the rest are counted. */
export const findingsToldMax = 100;
/** The log is kept for so many days at least: late edits and retries need it. */
export const logRetentionDaysMin = 7;

/** 200 kA to 1 A at 765 kV to 100 V is 1.5 million; real plates stay far below a million. */
export const factorMax = 1_000_000n;
/** Parts of a factor in lowest terms: times a register of 2^50 it stays within three words. */
export const factorPartMax = 1_000_000_000_000n;
/** Calorific values and state numbers of gas are published with four decimals. */
export const factorDecimalsMax = 6;
/** Two transformers of two numbers each, with room. */
export const factorLengthMax = 120;
/** Words on one meter's registers that are told at once: one a month for forty years. */
export const marksToldMax = 500;
/** Lines of a meter's event log that are told at once. */
export const meterEventsToldMax = 500;
/** Domain rule 11: a clock off by no more than a minute is corrected and noted, no more. */
export const clockOffsetMsNoted = 60_000;

/** Refused batches of one edge that a reconciliation looks into for sequences that are missing. */
export const quarantineLookMax = 10_000;
/**
 * How long a transaction may wait for its own process, 30 s. A process that is stopped, or whose
 * machine is gone without a word, holds its shard's lock; the server ends it, and others go on.
 * The longest work between two statements, a rating on the threads, takes a few seconds.
 */
export const idleTransactionMsMax = 30_000;
/** How often a head-end looks whether a meter on its buses was exchanged. */
export const busPlansReadMs = 30_000;
