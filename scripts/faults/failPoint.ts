/**
 * Where a process may be told to end itself. `log` is the transaction that appends batches,
 * `rating` the one that posts charges; `bell` is a wake-up between processes, `relay` the place of
 * the broker's publisher after it has published.
 */
export const failPoints = {
  ingest: ['log.before', 'log.copy', 'log.after', 'bell.before', 'relay.before'],
  worker: ['rating.inside', 'rating.before', 'rating.after'],
} as const;

export type FailPoint = (typeof failPoints)[keyof typeof failPoints][number];

/** What each means, for the report. */
export const failPointMeaning: Readonly<Record<FailPoint, string>> = {
  'log.before': 'batches appended, COMMIT not sent',
  'log.copy': 'inside the COPY of the log',
  'log.after': 'committed, no receipt sent',
  'bell.before': 'committed, nobody woken',
  'relay.before': 'published, place not noted',
  'rating.inside': 'half of a rating written',
  'rating.before': 'rated and posted, COMMIT not sent',
  'rating.after': 'rated and committed, nobody told',
};

/** A process says it on its way out, so that the runner knows which death this was. */
export const failPointWord = 'FAIL_POINT';
export const failPointVariable = 'FAULTS_FAIL_POINT';
/** At which passage of the point. */
export const failAtVariable = 'FAULTS_FAIL_AT';
/** `1`: every seventh log transaction is rolled back and answered as if it were committed. */
export const plantVariable = 'FAULTS_ACKNOWLEDGE_BEFORE_COMMIT';
