import {
  commandLookMs,
  commandsPerSweepMax,
  commandsSentAtOnceMax,
} from '../domain/command/limits.ts';
import { sendCommand } from '../operations/sendCommand.ts';
import type { CommandDeps, CommandLink } from '../operations/sendCommand.ts';
import { sweepCommands } from '../operations/sweepCommands.ts';
import { createBellRope } from '../stream/bellRope.ts';

/** What a queue of command jobs gives. */
export type CommandQueue = {
  add(payload: { commandId: string }, options: { id: string }): Promise<void>;
  work(
    handle: (payload: { commandId: string }) => Promise<void>,
    options: { concurrency: number },
  ): Promise<void>;
};

export type CommandWorkerOptions = CommandDeps & {
  readonly link: CommandLink;
  readonly queue: CommandQueue;
  /** The buses of this process; commands for others are theirs to send. */
  ownsBus(busId: number): boolean;
  report(problem: { readonly error: unknown }): void;
  readonly lookMs?: number;
};

export type CommandWorker = {
  /** Commands were requested: look now. */
  ring(): void;
  /** Looks no more; jobs that run are ended by their queue. */
  stop(): Promise<void>;
};

/**
 * Sends the commands of this process's buses: a bell or a second's look finds what is due in the
 * database, a job a command sends it, and a retry is found by a later look.
 */
export async function startCommandWorker(options: CommandWorkerOptions): Promise<CommandWorker> {
  const { queue, report, lookMs = commandLookMs } = options;
  const rope = createBellRope();
  let stopping = false;

  async function send({ commandId }: { commandId: string }): Promise<void> {
    if (!stopping) await sendCommand(options, commandId);
  }

  async function look(): Promise<void> {
    const { due, faults } = await sweepCommands(options);
    // One that has no bus is ended by whoever finds it.
    const ours = due.filter(({ busId }) => busId === null || options.ownsBus(busId));
    for (const { commandId } of ours.slice(0, commandsPerSweepMax)) {
      await queue.add({ commandId }, { id: commandId });
    }
    for (const error of faults) report({ error });
  }

  async function run(): Promise<void> {
    while (!stopping) {
      try {
        await look();
      } catch (error) {
        report({ error });
      }
      await rope.wait(lookMs);
    }
  }

  await queue.work(send, { concurrency: commandsSentAtOnceMax });
  const ended = run();
  return {
    ring: () => rope.ring(),
    async stop() {
      stopping = true;
      rope.ring();
      await ended;
    },
  };
}
