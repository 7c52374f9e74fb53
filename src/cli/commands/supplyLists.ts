import { pageAdvisories, pageProtections, readTrips } from '../../db/protectionRecords.ts';
import type { AdvisoryView, ProtectionView, TripView } from '../../db/protectionRecords.ts';
import type { Transaction } from '../../db/connect.ts';
import { asViewer } from '../../db/viewer.ts';
import { pageWorkOrders } from '../../db/workOrders.ts';
import type { WorkOrderView } from '../../db/workOrders.ts';
import { breakerPeople } from '../../domain/command/limits.ts';
import { pageSizeMax } from '../../domain/limits.ts';
import { accept } from '../../domain/outcome.ts';
import type { Answer } from '../answer.ts';
import { withDatabase } from '../database.ts';
import { findPlace } from '../meterAt.ts';
import { staffViewer } from '../viewer.ts';
import type { CompanyOptions } from './supplies.ts';

function protectionLine(one: ProtectionView): string {
  const { id, accountNumber, kind, from, to, reason, endedAt, endedBy, contactProof } = one;
  const span = `${from.toISOString()} to ${to?.toISOString() ?? 'its end'}`;
  const end =
    endedAt === null
      ? ''
      : `; ended ${endedAt.toISOString()} by ${endedBy ?? ''}: ${contactProof ?? ''}`;
  return `${id}  ${accountNumber}: ${kind}, ${span}: ${reason}${end}`;
}

function advisoryLine({ id, region, kind, from, to, source }: AdvisoryView): string {
  const where = region === '' ? 'all regions' : region;
  return `${id}  ${kind} in ${where}, ${from.toISOString()} to ${to.toISOString()}: ${source}`;
}

function orderLine({ id, serial, kind, openedAt, detail }: WorkOrderView): string {
  const facts = Object.entries(Object(detail)).map(([name, value]) => `${name} ${String(value)}`);
  return `${id}  ${serial}: ${kind} since ${openedAt.toISOString()} (${facts.join(', ')})`;
}

function tripLine({ id, region, cuts, trippedAt, approvals, isOpen }: TripView): string {
  const where = region === '' ? 'without a region' : region;
  const people = `${approvals.length} of ${breakerPeople} people have looked`;
  const state = isOpen ? `stopped, ${people}` : 'let go';
  return `${id}  ${where}: ${cuts} cuts by ${trippedAt.toISOString()}, ${state}`;
}

const page = { after: null, before: null, limit: pageSizeMax, inverted: false };

type Listed = { readonly rows: readonly object[]; readonly lines: readonly string[] };

/** What is there, newest first. */
const lists = {
  protections: {
    none: 'no protections',
    async read(tx: Transaction, companyId: number): Promise<Listed> {
      const rows = await pageProtections(tx, { companyId, accountId: null }, page);
      return { rows, lines: rows.map(protectionLine) };
    },
  },
  advisories: {
    none: 'no advisories',
    async read(tx: Transaction, companyId: number): Promise<Listed> {
      const rows = await pageAdvisories(tx, companyId, page);
      return { rows, lines: rows.map(advisoryLine) };
    },
  },
  orders: {
    none: 'no open work orders',
    async read(tx: Transaction, companyId: number): Promise<Listed> {
      const rows = await pageWorkOrders(tx, { openOnly: true, companyId }, page);
      return { rows, lines: rows.map(orderLine) };
    },
  },
  breaker: {
    none: 'no trips',
    async read(tx: Transaction, companyId: number): Promise<Listed> {
      const rows = await readTrips(tx, { companyId, limit: pageSizeMax });
      return { rows, lines: rows.map(tripLine) };
    },
  },
} as const;

export async function listSupplyRecords(
  what: keyof typeof lists,
  options: CompanyOptions,
): Promise<Answer> {
  const place = await findPlace(undefined, options);
  if (!place.ok) return place;
  const { url, companyId } = place.value;
  const { none, read } = lists[what];
  return withDatabase(url, 'joulebook_api', async (sql): Promise<Answer> => {
    const viewer = staffViewer(companyId, 'operator');
    const { rows, lines } = await asViewer(sql, viewer, (tx) => read(tx, companyId));
    const sentence = lines.length === 0 ? `There are ${none}.` : lines.join('\n');
    return accept({ sentence, facts: { [what]: rows } });
  });
}
