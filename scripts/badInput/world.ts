import { randomUUID } from 'node:crypto';
import { connect } from '../../src/db/connect.ts';
import { registerFleet } from '../../src/operations/registerFleet.ts';
import { testEdge } from '../../test/support/build/edge.ts';
import type { TestEdge } from '../../test/support/build/edge.ts';
import { fleetOf, flatTariff } from '../../test/support/build/fleet.ts';

/** A gateway that is registered: what it signs with and its id. */
export type Gateway = { readonly edge: TestEdge; readonly edgeId: number };

/** A company of its own beside whatever runs: a good gateway, a rival, one whose key is revoked. */
export type BadInputWorld = {
  readonly companyId: number;
  readonly good: Gateway;
  readonly rival: Gateway;
  readonly revoked: Gateway;
  /** Of the good gateway, with an account that pays 0.30 a kWh. */
  readonly meterId: number;
};

export async function registerWorld(databaseUrl: string): Promise<BadInputWorld> {
  const [good, rival, revoked] = [testEdge(), testEdge(), testEdge()];
  const versions = [{ validFromMs: 0, document: flatTariff('0.30') }];
  const company = `Bad Input Grid ${randomUUID()}`;
  const fleet = fleetOf({ company, meters: 1, versions }, good);
  const others = [rival, revoked].map(({ publicKey }, index) => ({
    name: `edge ${index + 2}`,
    publicKeys: [publicKey],
    buses: [],
  }));
  const role = 'joulebook_writer';
  const database = await connect(databaseUrl, { role, connectionsMax: 1, name: 'bad input' });
  try {
    const registered = await registerFleet(
      { sql: database.sql, clock: { nowMs: () => Date.now() } },
      { ...fleet, edges: [...fleet.edges, ...others] },
    );
    if (!registered.ok) throw new Error(`${registered.code}: ${registered.message}`);
    const { companyId, edges, meters } = registered.value;
    const gateway = (name: string, edge: TestEdge): Gateway => {
      const found = edges.get(name);
      if (found === undefined) throw new Error(`${name} is registered`);
      return { edge, edgeId: found.edgeId };
    };
    const meterId = meters.get('M1');
    if (meterId === undefined) throw new Error('the meter is registered');
    return {
      companyId,
      good: gateway('edge 1', good),
      rival: gateway('edge 2', rival),
      revoked: gateway('edge 3', revoked),
      meterId,
    };
  } finally {
    await database.close();
  }
}
