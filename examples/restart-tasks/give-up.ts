/** The message that says what was given up. Pure. */
import type { TaskFailedDetail } from 'partner-central-task-poller/events';
import type { Plan } from './plan';
import { workOf } from './start-request';

/** What the state machine knows when it gives up. `error` is what a step failed with, as Step Functions reports it. */
export interface Given {
  readonly detail: TaskFailedDetail;
  readonly plan?: Plan;
  readonly error?: { readonly Error: string; readonly Cause?: string };
}

/** SNS takes 100 characters of ASCII in a subject. What an id may contain, nobody says. */
const inSubject = (text = '?') => text.replace(/[^ -~]/g, '?').slice(0, 40);

export function giveUpMessage({ detail, plan, error }: Given): { readonly subject: string; readonly text: string } {
  const { taskId, reasonCode = 'none', message = 'none', eventId, engagementId, opportunityId } = detail;
  return {
    subject: `${inSubject(detail.catalog)}: gave up on ${inSubject(taskId)}`,
    text: [
      `A failed task of Partner Central is not started again: ${whyOf(plan, error)}.`,
      '',
      `Work: ${workOf(detail)}`,
      `Failed task: ${taskId}`,
      ...(engagementId ? [`Engagement: ${engagementId}`] : []),
      ...(opportunityId ? [`Opportunity: ${opportunityId}`] : []),
      `Reason code: ${reasonCode}`,
      `Message: ${message.slice(0, 1_000)}`,
      `Event: ${eventId}`,
      '',
      'Look in Partner Central what exists already. If you start a task yourself, use a new ClientToken.',
    ].join('\n'),
  };
}

function whyOf(plan: Plan | undefined, error: Given['error']): string {
  if (error)
    return `${plan ? 'the call that starts it' : 'the step that plans it'} failed (${error.Error}: ${causeOf(error.Cause)})`;
  return plan?.kind === 'giveUp' ? plan.why : 'no reason is known';
}

/** Lambda gives an error as JSON. */
function causeOf(cause = ''): string {
  try {
    return String(JSON.parse(cause).errorMessage);
  } catch {
    return cause;
  }
}
