/** Rows of one sealed block: some 300 KB of keys and hashes, one transaction of tens of ms. */
export const sealRowsMax = 2_000;
/** Blocks that a pass of the sealer writes before it lets others to the sweep. */
export const sealBlocksPerPassMax = 100;
/** How often the sealer looks: what was written a minute ago can no longer be changed unseen. */
export const sealSweepMs = 60_000;
/** Blocks that a verification holds at once. */
export const sealsPerPage = 20;
/** Findings that a verification names before it stops. */
export const sealFindingsMax = 1_000;
/** How often a row says how far the server has come; restores in between are told by the chain. */
export const serverSeenMs = 3_600_000;
