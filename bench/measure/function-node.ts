import { execFileSync } from 'node:child_process';
import { FUNCTION_NODE } from '../../local/services/function-host';

/** Version of the Node.js that runs the measured functions, such as `24.21.0`. */
export function functionNodeVersion(): string {
  const node = process.env[FUNCTION_NODE] || process.execPath;
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1);
}
