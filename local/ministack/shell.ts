/** What a shell reads to ask a deployment on MiniStack, and nothing of the user's own in AWS. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MiniStack } from './ministack';

/** Of the AWS CLI in MiniStack's virtual environment: a package index has only version 1. */
export const broughtVersion = /^awscli==(.*)$/m.exec(
  readFileSync(join(__dirname, 'requirements.txt'), 'utf8'),
)?.[1] as string;

/** Leaves the user's AWS CLI alone where it is version 2, which the runbook is written for. */
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
