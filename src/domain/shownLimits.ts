/** How much of something a person is shown at once. */

/** Keys of a company that are listed at once: more than a hundred edges, each with a few. */
export const edgeKeysToldMax = 1_000;

/** Characters of a JSON batch that cannot be read as one: what a person looks through. */
export const lookedIntoTextMax = 16_384;

/** Bytes of what cannot be read at all: enough to know the kind of a file by its beginning. */
export const lookedIntoBytesMax = 256;

/** Readings of a batch in quarantine that somebody is shown at once. */
export const lookedIntoRowsMax = 200;
