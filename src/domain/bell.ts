/**
 * What has changed, for whoever waits for it. A bell only wakes: the truth is in Postgres, and a
 * sweep finds what a lost bell would have told.
 */
export type Bell =
  | { readonly kind: 'rating' }
  | { readonly kind: 'commands' }
  | { readonly kind: 'simulations' }
  /** Payment providers have something to be asked for. */
  | { readonly kind: 'providers' }
  | { readonly kind: 'events'; readonly shard: number };
