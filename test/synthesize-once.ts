/** Synthesizes once for all integration tests, bundles included: the default stack, and one with chat messages. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { synthesize } from '../infra/synthesize';

export default function synthesizeOnce(): void {
  const directory = mkdtempSync(join(tmpdir(), 'task-poller-'));
  const [usual, withChat] = [join(directory, 'usual'), join(directory, 'with-chat')];
  synthesize({ outdir: usual, validate: false });
  synthesize({ outdir: withChat, validate: false, context: { chatAlerts: true } });
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'; // inherited by the workers
  process.env.SYNTHESIZED = usual;
  process.env.SYNTHESIZED_WITH_CHAT = withChat;
}
