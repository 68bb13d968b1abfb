import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { Option } from 'commander';
import type { Mode, Summary } from '../../../lambdas/poller/run';
import { formatSource } from '../../../lambdas/source-id';
import type { Aws } from '../../lib/aws';
import { examples, type Register } from '../../lib/command';
import { CommandFailure } from '../../lib/context';
import { moment } from '../../lib/plan-words';
import { openTable } from '../../lib/table';
import { readPeriod } from '../../lib/watch-options';
import { audit, auditInText } from './audit';

interface Options {
  readonly timeout: number;
}

/** Somewhat more than Lambda's longest timeout. */
const INVOCATION_MS = 16 * 60_000;

export const register: Register = (program, run) => {
  program
    .command('audit')
    .summary('list all tasks of the retention period now, and report those that the polls missed')
    .description(
      'Makes the deployed function list all tasks of the retention period, as it does once a day, and polls until that is done. A finished task that the polls missed is called drift; its event is published at once.\n\nThe exit code is 1 if there was drift, and 0 if the audit finished without.',
    )
    .addOption(
      new Option('--timeout <TIME>', 'how long to wait; the audit continues without you')
        .argParser(readPeriod)
        .default(900_000, '15m'),
    )
    .addHelpText(
      'after',
      examples('npm run tasks -- audit', 'npm run tasks -- audit --source AWS/OpportunityFromEngagement --json'),
    )
    .action(
      run<Options>(async (context, options) => {
        const source = await context.source();
        const audited = await audit({
          invoke: invoker(source.functionName, context),
          checkpoint: openTable(source, context).checkpoint,
          timeoutMs: options.timeout,
          pauseMs: 3_000,
          context,
        });
        const { requestedAt, auditedAt, ...sums } = audited;
        if (context.json)
          context.print(
            JSON.stringify(
              {
                source: formatSource(source.id),
                requestedAt: moment(requestedAt),
                auditedAt: moment(auditedAt),
                ...sums,
              },
              null,
              2,
            ),
          );
        else for (const line of auditInText(formatSource(source.id), audited)) context.print(line);
        return sums.drift === 0 ? 0 : 1;
      }),
    );
};

function invoker(functionName: string, { aws, signal }: { readonly aws: Aws; readonly signal: AbortSignal }) {
  // Once only: a second invocation would find the first one at work.
  const options = aws('LAMBDA');
  const requestHandler = { ...options.requestHandler, requestTimeout: INVOCATION_MS };
  const client = new LambdaClient({ ...options, requestHandler, maxAttempts: 1 });
  return async (mode: Mode): Promise<Summary> => {
    const invoke = new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify({ mode }) });
    const { Payload, FunctionError } = await client.send(invoke, { abortSignal: signal });
    const answer = JSON.parse(new TextDecoder().decode(Payload)) as Summary & { errorMessage?: string };
    if (FunctionError === undefined) return answer;
    throw new CommandFailure(`The function failed: ${answer.errorMessage ?? FunctionError}.`);
  };
}
