/** MiniStack as a process of ours. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../../cli/lib/running';
import { until } from './aws';

test('it ends with whoever started it, however that ends, and leaves nothing behind', async () => {
  const program = `
    require('./local/ministack/ministack')
      .startMiniStack({ partnerCentral: 'http://127.0.0.1:9' })
      .then(({ pid, folder }) => console.log(JSON.stringify({ pid, folder })));
    setInterval(() => {}, 1_000);`;
  let [pid, folder] = [0, ''];
  const starter = spawn(process.execPath, ['--import', 'tsx', '--eval', program], {
    cwd: join(__dirname, '..', '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const printed = await new Promise<string>((resolve, reject) => {
      starter.stdout.setEncoding('utf8').once('data', resolve);
      starter.once('close', code => reject(new Error(`It ended with ${code}.`)));
    });
    ({ pid, folder } = JSON.parse(printed));
    expect({ alive: isAlive(pid), folder: existsSync(folder) }).toEqual({ alive: true, folder: true });
  } finally {
    starter.kill('SIGKILL');
  }
  await until('it had ended', 20, async () => !isAlive(pid) && !existsSync(folder));
});
