/** `npm start -- --once` as a newcomer runs it, with a newly synthesized stack. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './consumer';

test('synthesizes the stack, runs one scene and leaves no files', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'start-test-'));
  try {
    const env = { ...process.env, TMPDIR: temporary, TASK_POLLER_LOCAL: join(temporary, 'run.json') };
    const { status, stdout } = spawnSync('npm', ['start', '--', '--once'], { cwd: root, env, encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toMatch(/Synthesizing/);
    expect(stdout).toMatch(/^7 tasks ended; 3 polls published 7 events \(4 completed, 3 failed\), 1 alert mail\.$/m);
    expect(readdirSync(temporary).filter(name => !/^(tsx|node)-/.test(name))).toEqual([]);
  } finally {
    rmSync(temporary, { recursive: true });
  }
});
