import { checkFleet } from '../../domain/checkFleet.ts';
import type { Fleet } from '../../domain/fleet.ts';
import { accept } from '../../domain/outcome.ts';
import { registerFleet } from '../../operations/registerFleet.ts';
import type { Answer } from '../answer.ts';
import { databaseUrl, withDatabase } from '../database.ts';
import { parseFleetFile } from '../fleetFile.ts';
import { readJson } from '../inputFile.ts';

function countsOf(fleet: Fleet): string {
  const { edges, meters, customers, tariffs, agreements } = fleet;
  const accounts = customers.reduce((count, customer) => count + customer.accounts.length, 0);
  return (
    `${fleet.company}: ${edges.length} edges, ${meters.length} meters, ${accounts} accounts, ` +
    `${tariffs.length} tariffs, ${agreements.length} agreements`
  );
}

export async function registerFleetFile(
  file: string,
  options: { readonly dryRun: boolean; readonly database: string | undefined },
): Promise<Answer> {
  const json = readJson(file);
  if (!json.ok) return json;
  const parsed = parseFleetFile(json.value);
  if (!parsed.ok) return parsed;
  const fleet = parsed.value;
  if (options.dryRun) {
    const checked = checkFleet(fleet);
    if (!checked.ok) return checked;
    return accept({
      sentence: `${countsOf(fleet)}: sound in itself; nothing was written.`,
      facts: { dryRun: true, company: fleet.company, meters: fleet.meters.length },
    });
  }
  return withDatabase(databaseUrl(options.database), 'joulebook_writer', async (sql) => {
    const registered = await registerFleet({ sql, clock: { nowMs: Date.now } }, fleet);
    if (!registered.ok) return registered;
    const { companyId, edges, meters, accounts, tariffs, agreements } = registered.value;
    const ids = [...edges].map(([name, { edgeId }]) => `${name} ${edgeId}`).join(', ');
    return accept({
      sentence:
        `${countsOf(fleet)}: registered as company ${companyId}. Ids of the edges: ` +
        `${ids === '' ? 'none' : ids}. --json tells the numbers of meters and accounts, too.`,
      facts: {
        dryRun: false,
        companyId,
        edges: Object.fromEntries(edges),
        meters: Object.fromEntries(meters),
        accounts: Object.fromEntries(accounts),
        tariffs: Object.fromEntries(tariffs),
        agreements,
      },
    });
  });
}
