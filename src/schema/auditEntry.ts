import { pageAudit } from '../db/auditReads.ts';
import { builder, pageCost } from './builder.ts';
import { pageByTime } from './page.ts';

type AuditRow = Awaited<ReturnType<typeof pageAudit>>[number];

const AuditEntry = builder.objectRef<AuditRow>('AuditEntry').implement({
  description: 'Who changed what: written with the change itself, and sealed.',
  fields: (t) => ({
    auditId: t.field({ type: 'UUID', resolve: ({ id }) => id }),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => at }),
    actor: t.exposeString('actor'),
    action: t.exposeString('action', { description: 'Noun and verb, such as debt.plan.' }),
    subject: t.exposeString('subject', { description: 'Such as account/12 or meter/3.' }),
    before: t.field({ type: 'JSON', nullable: true, resolve: ({ before }) => before }),
    after: t.field({ type: 'JSON', nullable: true, resolve: ({ after }) => after }),
  }),
});

builder.queryFields((t) => ({
  auditEntries: t.connection({
    type: AuditEntry,
    authScopes: { may: 'Query.auditEntries' },
    complexity: pageCost,
    description: 'Newest first.',
    args: {
      subject: t.arg.string({ description: 'Such as account/12.' }),
      actor: t.arg.string(),
      from: t.arg({ type: 'DateTime', description: 'Not before it.' }),
      to: t.arg({ type: 'DateTime', description: 'Before it.' }),
    },
    resolve: (_root, args, { read, viewer: { companyId } }) => {
      const { subject, actor, from, to } = args;
      const of = {
        companyId,
        subject: subject ?? null,
        actor: actor ?? null,
        fromMs: from?.getTime() ?? null,
        toMs: to?.getTime() ?? null,
      };
      return pageByTime(
        args,
        (page) => read((tx) => pageAudit(tx, of, page)),
        (row) => ({ atMs: row.at.getTime(), key: row.id }),
      );
    },
  }),
}));
