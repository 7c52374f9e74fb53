import type { Statement } from './connect.ts';

/** SQL of when somebody had a place: what its meter said before and after is not theirs. */

export type OwnTime = {
  readonly fromMs: number;
  /** Infinity while it lasts. */
  readonly toMs: number;
};

/** When the subscriber's account had the meter's place; null: staff, who see all of it. */
export async function readOwnTimes(
  tx: Statement,
  meterId: number,
): Promise<readonly OwnTime[] | null> {
  const rows = await tx<{ validFrom: Date | null; validTo: Date | null }[]>`
    select g.valid_from as "validFrom", g.valid_to as "validTo"
    from (select viewer_account() as account_id) v
    left join meter m on m.id = ${meterId}
    left join agreement g
      on g.service_point_id = m.service_point_id and g.account_id = v.account_id
    where v.account_id is not null`;
  if (rows.length === 0) return null;
  return rows.flatMap(({ validFrom, validTo }) =>
    validFrom === null
      ? []
      : [{ fromMs: validFrom.getTime(), toMs: validTo?.getTime() ?? Number.POSITIVE_INFINITY }],
  );
}

/** For a statement: whether the viewer had the meter's place at an instant, or is staff. */
export function hadPlaceAt(
  tx: Statement,
  { meterId, at }: { readonly meterId: string; readonly at: string },
) {
  return tx`(viewer_account() is null or exists (
    select from meter w join agreement g on g.service_point_id = w.service_point_id
    where w.id = ${tx(meterId)} and g.account_id = viewer_account() and g.valid_from <= ${tx(at)}
      and (g.valid_to is null or g.valid_to >= ${tx(at)})))`;
}
