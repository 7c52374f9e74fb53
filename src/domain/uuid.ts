const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What people type as an id may be any word; Postgres breaks off at one that is no UUID. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}
