/** The stack of a local run: synthesized now, or before. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CannotStart } from '../cli/lib/cannot-start';

const project = join(__dirname, '..');

/**
 * Synthesizes the app like the CDK CLI: in a process of its own, with the context of `cdk.json`.
 * @param signal ends it early; it then returns, and the folder must not be used
 * @throws CannotStart with its whole output, if it fails
 */
export async function synthesizeInto(directory: string, signal: AbortSignal): Promise<void> {
  const { CDK_CONTEXT_JSON: _, ...environment } = process.env; // set by an outer CDK CLI
  const synthesis = spawn(
    process.execPath,
    ['--import', pathToFileURL(require.resolve('tsx')).href, join('infra', 'app.ts')],
    {
      cwd: project,
      env: { ...environment, CDK_OUTDIR: directory, CDK_VALIDATION: 'false' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const end = () => synthesis.kill();
  signal.addEventListener('abort', end);
  let output = '';
  for (const stream of [synthesis.stdout, synthesis.stderr])
    stream.setEncoding('utf8').on('data', text => {
      output += text;
    });
  const [code, killedBy] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    synthesis.once('error', reject);
    synthesis.once('close', (...how) => resolve(how));
  }).finally(() => signal.removeEventListener('abort', end));
  if (code === 0 || signal.aborted) return;
  const how = code === null ? `it was ended by ${killedBy}` : `exit code ${code}`;
  throw new CannotStart(`The stack could not be synthesized (${how}):\n\n${output.trim()}`);
}

/** @throws CannotStart when the folder holds no synthesized stack, or more than one */
export function stackNameIn(directory: string): string {
  const advice = 'Synthesize it with: npx cdk synth -q';
  let manifest: { artifacts?: Record<string, { type: string }> };
  try {
    manifest = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'));
  } catch {
    throw new CannotStart(`${directory} holds no synthesized stack. ${advice}`);
  }
  const stacks = Object.entries(manifest.artifacts ?? {}).filter(([, { type }]) => type === 'aws:cloudformation:stack');
  const [name] = stacks[0] ?? [];
  if (name === undefined || stacks.length > 1)
    throw new CannotStart(`${directory} holds ${stacks.length} synthesized stacks, allowed: one. ${advice}`);
  return name;
}
