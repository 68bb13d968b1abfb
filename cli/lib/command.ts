/**
 * The contract between the frame (`main.ts`) and its commands. A command is a file `commands/NAME/command.ts` that exports
 *
 *     export const register: Register = (program, run) => {
 *       program
 *         .command('audit')
 *         .summary('…').description('…').argument(…).option(…)
 *         .addHelpText('after', examples('npm run tasks -- audit --wait'))
 *         .action(run<Options>(async (context, options, args) => { …; return 0; }));
 *     };
 *
 * and is one line in `main.ts`. A command makes its SDK clients with the options of `context.aws` and hands the same to
 * the adapters of `lambdas/poller/edges`: nothing else knows account, region and endpoints.
 *
 * An action returns its exit code, and throws what it doesn't handle:
 *   CommandFailure   its message, exit code 1
 *   UsageError       its message, exit code 2 (so does commander's InvalidArgumentError from an option's parser)
 *   what the SDK throws   one sentence that says what to do, exit code 1
 *   anything after Ctrl-C   exit code 130
 */
import type { Command } from 'commander';
import type { Aws } from './aws';
import type { Context } from './context';
import type { DeployedSource } from './deployment';

/** Options of every command; defined once, by the frame. */
export interface GlobalOptions {
  readonly stack: string;
  readonly region?: string;
  readonly profile?: string;
  readonly local?: true;
  readonly json?: true;
  /** CATALOG/FAMILY, or CATALOG/FAMILY/NAME */
  readonly source?: string;
}

export interface CommandContext extends Context {
  readonly global: GlobalOptions;
  /** Whether an option of every command is on the command line. */
  readonly isGiven: (name: keyof GlobalOptions) => boolean;
  /** Options of SDK clients. */
  readonly aws: Aws;
  /** The same, with credentials that are looked for once more. */
  readonly awsAnew: () => Aws;
  /** What went wrong, in one sentence that says what to do. */
  readonly explain: (error: unknown) => string;
  /**
   * The sources of this command: the one that --source names, or all that the stack has; at least one.
   * @throws CommandFailure when there is no such stack or source
   */
  readonly sources: () => Promise<readonly DeployedSource[]>;
  /**
   * The one source of this command.
   * @throws CommandFailure naming the sources, when the stack has several and --source doesn't say which
   */
  readonly source: () => Promise<DeployedSource>;
}

/** @returns the exit code: 0 done, 1 something is wrong or failed */
export type Action<Options> = (context: CommandContext, options: Options, args: readonly string[]) => Promise<number>;

/** Makes of an action what commander's `.action()` takes. */
export type RunCommand = <Options extends object = Record<never, never>>(
  action: Action<Options>,
) => (...given: unknown[]) => Promise<void>;

/** What a command's file exports as `register`. */
export type Register = (program: Command, run: RunCommand) => void;

/** The end of a command's help. */
export const examples = (...lines: readonly string[]) => `\nExamples:\n${lines.map(line => `  ${line}`).join('\n')}`;
