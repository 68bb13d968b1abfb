/**
 * Commands of the AWS CLI that show a task and its deal as they are now. AWS documents no address of an engagement or
 * opportunity in Partner Central, so there are no links. Pure.
 *
 * People paste these into a terminal, so the catalog and the ids must have the exact form that AWS documents.
 */
import { familyOf, PARTNER_CENTRAL_REGION, type TaskFamily, taskFamilyNames } from '../poller/task-families';
import { type Ids, questionOf } from './deals';

interface Command {
  /** What it shows. */
  readonly noun: string;
  /** Without line breaks. */
  readonly text: string;
}

/** @returns undefined for a family that is not known here, and for ids that are none */
export function taskCommand({ catalog, taskType, taskId }: Ids & { readonly taskId: string }): Command | undefined {
  if (!(taskFamilyNames as readonly string[]).includes(taskType)) return undefined;
  if (!/^[A-Za-z]+$/.test(catalog) || !/^task-[0-9a-z]{13}$/.test(taskId)) return undefined;
  const { operation } = familyOf(taskType as TaskFamily);
  return { noun: 'task', text: command(operation, catalog, `--task-identifier ${taskId}`) };
}

/** What the task started from: an engagement, opportunity or invitation. */
export function dealCommand(ids: Ids): Command | undefined {
  const question = questionOf(ids);
  if (!question) return undefined;
  const { noun, operation, catalog, identifier } = question;
  return { noun, text: command(operation, catalog, `--identifier ${identifier}`) };
}

function command(operation: string, catalog: string, identifier: string): string {
  const name = operation.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase();
  return `aws partnercentral-selling ${name} --region ${PARTNER_CENTRAL_REGION} --catalog ${catalog} ${identifier}`;
}

/** The command on two lines, as a shell reads them. */
export const onTwoLines = ({ text }: Command): string[] => text.replace(' --', ' \\\n    --').split('\n');
