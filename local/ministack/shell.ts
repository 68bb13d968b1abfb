/** Shell settings that point to a deployment on MiniStack and hide the user's AWS settings. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MiniStack } from './ministack';

/** Version of the AWS CLI in MiniStack's virtual environment. Package indexes have only version 1. */
export const broughtVersion = /^awscli==(.*)$/m.exec(
  readFileSync(join(__dirname, 'requirements.txt'), 'utf8'),
)?.[1] as string;

/** Uses the user's AWS CLI if it is version 2, for which the runbook is written. */
export function environmentFile(
  { environment, python }: Pick<MiniStack, 'environment' | 'python'>,
  more: Readonly<Record<string, string>>,
): string {
  return [
    'for name in $(env | sed -n \'s/^\\(AWS_[A-Z0-9_]*\\)=.*/\\1/p\'); do unset "$name"; done',
    ...Object.entries({ ...environment, ...more }).map(([name, value]) => `export ${name}='${value}'`),
    'case "$(command aws --version 2>&1)" in',
    'aws-cli/2*) unset -f aws ;;',
    `*) aws() { '${python}' '${join(__dirname, 'aws.py')}' "$@"; } ;;`,
    'esac',
    '',
  ].join('\n');
}
