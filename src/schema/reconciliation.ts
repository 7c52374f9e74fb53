import { asViewerInSnapshot } from '../db/viewer.ts';
import { findingsToldMax, reconciledMeterDaysMax } from '../domain/limits.ts';
import type { EdgeCount } from '../operations/reconcile/countEdges.ts';
import type { Finding } from '../operations/reconcile/finding.ts';
import { reconcileIn } from '../operations/reconcile/reconcile.ts';
import type { Reconciliation } from '../operations/reconcile/reconcile.ts';
import type { MeterCount } from '../operations/reconcile/recountReadings.ts';
import type { EnergyCount } from '../operations/reconcile/weighEnergy.ts';
import { builder } from './builder.ts';
import { codedRefusal } from './coded.ts';
import { Energy } from './energy.ts';
import { Meter } from './meter.ts';
import { integerKey } from './nodeKey.ts';

type EdgeFigure =
  | 'sent'
  | 'committed'
  | 'missing'
  | 'refused'
  | 'logged'
  | 'dropped'
  | 'rated'
  | 'waiting'
  | 'readings'
  | 'transfers';

const edgeFigures: Readonly<Record<EdgeFigure, string>> = {
  sent: 'The highest sequence that came.',
  committed: 'In the log once, by the guard.',
  missing: 'Sent and not committed.',
  refused: 'Of the missing ones, those that were refused and are kept.',
  logged: 'In the log.',
  dropped: 'Taken from the log by retention.',
  rated: 'Rated and posted.',
  waiting: 'Committed and not rated yet.',
  readings: 'In the log.',
  transfers: "Of the edge's meters.",
};

const EdgeCountRef = builder.objectRef<EdgeCount>('EdgeCount').implement({
  description: 'One stream and epoch of an edge; all figures are batches unless they say else.',
  fields: (t) => {
    const figure = (name: EdgeFigure) =>
      t.field({
        type: 'Decimal',
        description: edgeFigures[name],
        resolve: (count) => count[name].toString(),
      });
    return {
      edgeId: t.exposeInt('edgeId'),
      edgeName: t.exposeString('edgeName'),
      stream: t.exposeInt('stream', { description: '1 billing, 2 telemetry.' }),
      epoch: t.exposeInt('epoch'),
      sent: figure('sent'),
      committed: figure('committed'),
      missing: figure('missing'),
      refused: figure('refused'),
      logged: figure('logged'),
      dropped: figure('dropped'),
      rated: figure('rated'),
      waiting: figure('waiting'),
      readings: figure('readings'),
      transfers: figure('transfers'),
      quarantined: t.exposeInt('quarantined', {
        description: 'Of the edge, waiting for somebody.',
      }),
      unexplained: t.exposeInt('unexplained'),
    };
  },
});

const MeterCountRef = builder.objectRef<MeterCount>('MeterCount').implement({
  description: 'Readings of a meter in the window, counted anew from the log.',
  fields: (t) => ({
    meter: t.field({ type: Meter, nullable: true, resolve: ({ meterId }) => meterId }),
    inLog: t.exposeInt('inLog', { description: 'Rows that are rated.' }),
    accepted: t.exposeInt('accepted', { description: 'They stand in the series.' }),
    superseded: t.exposeInt('superseded', {
      description: 'Outranked at their instant, or between two of their quarter hour.',
    }),
    heldBack: t.exposeInt('heldBack'),
    dismissed: t.exposeInt('dismissed', { description: 'Held back, and left out for good.' }),
    waiting: t.exposeInt('waiting', { description: 'Not rated yet.' }),
    unexplained: t.exposeInt('unexplained'),
  }),
});

const EnergyCountRef = builder.objectRef<EnergyCount>('EnergyCount').implement({
  description: 'Import of the local months that the window touches.',
  fields: (t) => ({
    servicePoints: t.exposeInt('points'),
    months: t.exposeInt('months'),
    slots: t.field({ type: Energy, resolve: ({ slotsWh }) => ({ wh: slotsWh }) }),
    charged: t.field({ type: Energy, resolve: ({ chargedWh }) => ({ wh: chargedWh }) }),
    unrated: t.field({ type: Energy, resolve: ({ unratedWh }) => ({ wh: unratedWh }) }),
    heldMonths: t.exposeInt('heldMonths', { description: 'Of bills that are held.' }),
    unexplained: t.exposeInt('unexplained'),
  }),
});

const FindingRef = builder.objectRef<Finding>('ReconciliationFinding').implement({
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Stable; match on it.' }),
    subject: t.exposeString('subject'),
    message: t.exposeString('message'),
  }),
});

const ReconciliationRef = builder.objectRef<Reconciliation>('Reconciliation').implement({
  description: 'Everything counted twice; what nothing explains is an alarm.',
  fields: (t) => ({
    edges: t.field({ type: [EdgeCountRef], resolve: ({ edges }) => [...edges] }),
    meters: t.field({
      type: [MeterCountRef],
      description: `The ${findingsToldMax} with the most that is unexplained or waits.`,
      resolve: ({ meters }) =>
        meters
          .toSorted((a, b) => b.unexplained - a.unexplained || b.waiting - a.waiting)
          .slice(0, findingsToldMax),
    }),
    energy: t.field({ type: EnergyCountRef, resolve: ({ energy }) => energy }),
    chargeCount: t.int({ resolve: ({ money }) => money.charges }),
    unexplained: t.exposeInt('unexplained', { description: 'Zero, or somebody must look.' }),
    findings: t.field({
      type: [FindingRef],
      description: `The first ${findingsToldMax}.`,
      resolve: ({ findings }) => [...findings],
    }),
  }),
});

builder.queryField('reconciliation', (t) =>
  t.field({
    type: ReconciliationRef,
    authScopes: { may: 'Query.reconciliation' },
    complexity: 1_000,
    description:
      'Of all edges, and of the readings, energy and money of a window. At most ' +
      `${reconciledMeterDaysMax} days of a meter at once: 1,400 meters for a week.`,
    args: {
      from: t.arg({ type: 'DateTime', required: true }),
      to: t.arg({ type: 'DateTime', required: true }),
      meterId: t.arg.globalID({ for: Meter, description: 'Without it all meters.' }),
    },
    resolve: async (_root, { from, to, meterId }, { deps, viewer }) => {
      const window = {
        companyId: viewer.companyId,
        meterId: meterId === null || meterId === undefined ? null : integerKey(meterId.id),
        fromMs: from.getTime(),
        toMs: to.getTime(),
        nowMs: deps.clock.nowMs(),
      };
      const done = await asViewerInSnapshot(deps.sql, viewer, (tx) =>
        reconcileIn(tx, window, { meterDaysMax: reconciledMeterDaysMax, onStep: () => {} }),
      );
      if (!done.ok) throw codedRefusal(done);
      return done.value;
    },
  }),
);
