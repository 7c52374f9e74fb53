import type { Command } from 'commander';
import type { Answer } from './answer.ts';
import { changeAccountMode, passPlaceOn, takeChangeBack } from './commands/agreementChanges.ts';
import type { ModeOptions, PassOnOptions, TakeBackOptions } from './commands/agreementChanges.ts';
import { setOneAutoTopUp, showAutoTopUp, stopOneAutoTopUp } from './commands/autoTopUps.ts';
import type { SetAutoTopUpOptions } from './commands/autoTopUps.ts';
import { lendCredit, planOneDebt, setDebtAside, showPrepaid } from './commands/prepaidLife.ts';
import type {
  AccountOptions,
  LendOptions,
  PlanOptions,
  SetAsideOptions,
} from './commands/prepaidLife.ts';
import { lintPolicy, publishPolicyFile, showPolicy } from './commands/prepaidPolicies.ts';
import type { PublishPolicyOptions, ShowPolicyOptions } from './commands/prepaidPolicies.ts';
import { personOption } from './moneyDesk.ts';

type Making = {
  leaf(parent: Command, usage: string, description: string): Command;
  withUrl(command: Command): Command;
  finish(answer: Answer, isJson: boolean): void;
};
type Json = { readonly json: boolean };

const named = ['--company <name>', 'as it is registered'] as const;
const numbered = ['--account <number>', 'as it is registered'] as const;
const because = ['--reason <text>', 'why; the audit keeps it'] as const;
const keyed = ['--key <uuid>', 'the same key again does nothing more'] as const;

/** What happens to one account. */
function addLife(prepaid: Command, { leaf, withUrl, finish }: Making): void {
  const about = (usage: string, description: string): Command =>
    withUrl(leaf(prepaid, usage, description))
      .requiredOption(...named)
      .requiredOption(...numbered);
  about(
    'status',
    'credit, days left, what is lent and owed, and what the customer was told',
  ).action(async ({ json, ...options }: AccountOptions & Json) =>
    finish(await showPrepaid(options), json),
  );
  about('change-mode', 'from paying before to paying after, or back, within a month')
    .requiredOption('--mode <mode>', 'prepaid or postpaid')
    .option('--at <instant>', 'on a quarter hour; without it the next one')
    .option('--place <name>', 'the service point, where the account has several')
    .option('--balance-limit <decimal>', 'of prepaid: at or below it the supply is cut')
    .option('--reconnect-level <decimal>', 'of prepaid: at or above it the supply is back')
    .requiredOption(...because)
    .option(...keyed)
    .action(async ({ json, ...options }: ModeOptions & Json) =>
      finish(await changeAccountMode(options), json),
    );
  about('change-account', 'somebody moves out of a place, and somebody else in')
    .requiredOption('--to <number>', 'the account that comes, or the landlord of a vacant place')
    .requiredOption('--mode <mode>', 'prepaid or postpaid')
    .option('--at <instant>', 'on a quarter hour; without it the next one')
    .option('--place <name>', 'the service point, where the account has several')
    .option('--balance-limit <decimal>', 'of prepaid: at or below it the supply is cut')
    .option('--reconnect-level <decimal>', 'of prepaid: at or above it the supply is back')
    .requiredOption(...because)
    .option(...keyed)
    .action(async ({ json, ...options }: PassOnOptions & Json) =>
      finish(await passPlaceOn(options), json),
    );
  about('take-back', 'a recorded change of mode or account that has not begun does not come')
    .option('--place <name>', 'the service point, where the account has several')
    .requiredOption(...because)
    .option(...keyed)
    .action(async ({ json, ...options }: TakeBackOptions & Json) =>
      finish(await takeChangeBack(options), json),
    );
  about('lend', 'emergency credit, as the policy offers it')
    .option(...keyed)
    .action(async ({ json, ...options }: LendOptions & Json) =>
      finish(await lendCredit(options), json),
    );
  about('set-aside', 'what is below zero becomes a debt beside the balance')
    .option('--amount <decimal>', 'without it all that is below zero')
    .requiredOption('--reason-code <code>', 'negative_balance or imported')
    .requiredOption(...because)
    .option(...keyed)
    .option(...personOption)
    .action(async ({ json, ...options }: SetAsideOptions & Json) =>
      finish(await setDebtAside(options), json),
    );
  about('plan-debt', 'how a debt is paid off from now on')
    .requiredOption('--share <decimal>', 'of each top-up, such as 0.25; 0 for none')
    .requiredOption('--weekly <decimal>', 'each local week, taken by the day; 0 for none')
    .option('--weekly-cap <decimal>', 'the most that both together take in a week')
    .requiredOption(...because)
    .option(...keyed)
    .action(async ({ json, ...options }: PlanOptions & Json) =>
      finish(await planOneDebt(options), json),
    );
}

/** Credit that is bought by itself. */
function addAutoTopUps(prepaid: Command, { leaf, withUrl, finish }: Making): void {
  const orders = prepaid
    .command('auto-top-up')
    .description('standing orders: a card is charged whenever little is left');
  const about = (usage: string, description: string): Command =>
    withUrl(leaf(orders, usage, description))
      .requiredOption(...named)
      .requiredOption(...numbered);
  about('set', 'set one, or take a paused one up again')
    .requiredOption('--channel <name>', 'a payment channel of a card provider')
    .requiredOption('--instrument <ids>', "the provider's, such as cus_1/pm_2; no card number")
    .requiredOption('--below <decimal>', 'charged when less is left')
    .requiredOption('--amount <decimal>', 'of each charge')
    .requiredOption('--daily-max <decimal>', 'the most in a local day')
    .option(...keyed)
    .action(async ({ json, ...options }: SetAutoTopUpOptions & Json) =>
      finish(await setOneAutoTopUp(options), json),
    );
  about('show', 'what it says, and why it waits').action(
    async ({ json, ...options }: AccountOptions & Json) =>
      finish(await showAutoTopUp(options), json),
  );
  about('stop', 'no further charge; one that is underway still comes').action(
    async ({ json, ...options }: AccountOptions & Json) =>
      finish(await stopOneAutoTopUp(options), json),
  );
}

/** What is promised to prepaid customers. */
export function addPrepaid(program: Command, { leaf, withUrl, finish }: Making): void {
  const prepaid = program.command('prepaid').description('what prepaid customers are promised');
  leaf(prepaid, 'lint <file>', 'check a policy as publishing does').action(
    (file: string, { json }: Json) => finish(lintPolicy(file), json),
  );
  withUrl(leaf(prepaid, 'publish <file>', 'a policy from an instant on; none is ever changed'))
    .requiredOption(...named)
    .requiredOption('--valid-from <instant>', 'such as 2026-12-01T00:00:00+01:00')
    .requiredOption(...because)
    .action(async (file: string, { json, ...options }: PublishPolicyOptions & Json) =>
      finish(await publishPolicyFile(file, options), json),
    );
  withUrl(leaf(prepaid, 'show', 'what a policy says now, or at an instant'))
    .requiredOption(...named)
    .option('--name <policy>', 'of the policy', 'standard')
    .option('--at <instant>', 'instead of now')
    .action(async ({ json, ...options }: ShowPolicyOptions & Json) =>
      finish(await showPolicy(options), json),
    );
  addLife(prepaid, { leaf, withUrl, finish });
  addAutoTopUps(prepaid, { leaf, withUrl, finish });
}
