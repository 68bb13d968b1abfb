/** The last lines of a mail: how to look at a task, its ids, and the logs. Each stands once, whatever the number of tasks. Pure. */
import { dealCommand, onTwoLines, taskCommand } from './cli-commands';
import type { FailedTask } from './failed-task';
import { field, indent, wrapped } from './text';

/** Tasks of one family and catalog have ARNs that differ in the id. */
const maxArnsListed = 10;

interface MailTasks {
  readonly tasks: readonly FailedTask[];
  /** What the log is searched for → link. */
  readonly links: ReadonlyMap<string, string>;
}

/** @param mail about at least one task */
export function lastLines(mail: MailTasks): string[] {
  return [
    ...commandLines(mail.tasks),
    ...idLines(mail.tasks),
    ...logLines(mail),
    '',
    ...wrapped(`AWS does not document the reason codes: "What it means" and "What to do" are from the task poller.`),
  ];
}

/** Of several tasks, the first: the others differ in the id. */
function commandLines(tasks: readonly FailedTask[]): string[] {
  const [first] = tasks as [FailedTask];
  const isAlone = tasks.length === 1;
  const commands = [isAlone && taskCommand(first), dealCommand(first)].filter(one => typeof one === 'object');
  return commands.flatMap(command => [
    '',
    `To look at the ${isAlone ? '' : 'first '}${command.noun} as it is now:`,
    ...onTwoLines(command),
  ]);
}

function idLines(tasks: readonly FailedTask[]): string[] {
  const [first] = tasks as [FailedTask];
  const isAlone = tasks.length === 1;
  const arns = tasks.flatMap(({ taskArn, taskId }) =>
    taskArn === undefined ? [] : field(isAlone ? taskArn : taskArn.replace(taskId, '<task-id>')),
  );
  const [shown, hidden] = [[...new Set(arns)].slice(0, maxArnsListed), new Set(arns).size - maxArnsListed];
  const runs = new Set(tasks.map(({ runId, replayId }) => (replayId === undefined ? runId : undefined)));
  const [run] = runs;
  const lines = [
    ...(shown.length > 0 ? [isAlone ? 'Task ARN:' : 'Task ARNs:', ...shown.map(arn => `${indent}${arn}`)] : []),
    ...(hidden > 0 ? [`${indent}and ${hidden} more`] : []),
    ...(isAlone ? [`Event: ${first.eventId}`] : []),
    ...(runs.size === 1 && run !== undefined ? wrapped(`Run: ${field(run)}`) : []),
  ];
  return lines.length > 0 ? ['', ...lines] : [];
}

/** A replay's own run saw nothing: the tasks lead to those that did. */
export const loggedAs = ({ runId, taskId, replayId }: FailedTask) => (replayId === undefined ? runId : taskId);

function logLines({ links, tasks }: MailTasks): string[] {
  const [first] = links.values();
  const logged = new Set(tasks.map(loggedAs)).size;
  const isRepeat = tasks[0]?.replayId !== undefined;
  if (logged === 1) {
    const run = isRepeat ? 'original run' : `run that saw ${tasks.length === 1 ? 'it' : 'them'}`;
    return ['', `Logs of the ${run}:`, String(first)];
  }
  const linked = [...links].flatMap(([name, link]) => [field(name), `${indent}${link}`]);
  return [
    '',
    `Logs of the ${isRepeat ? 'original runs' : 'runs that saw them'}:`,
    ...linked,
    ...(logged > links.size ? [`and ${logged - links.size} more`] : []),
  ];
}
