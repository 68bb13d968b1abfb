/** Synthesizes the stack once for all integration tests, bundles included. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../infra/synthesize';

export default function synthesizeOnce(): void {
  const directory = mkdtempSync(join(tmpdir(), 'task-poller-'));
  synthesize({ outdir: directory, validate: false });
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'; // the workers inherit it
  process.env.SYNTHESIZED = directory;
}
