/** One process at a time in a folder that keeps state. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotStart } from './cannot-start';
import { isAlive } from './running';

/**
 * Two processes in one folder would overwrite each other's files.
 * @returns a function that unlocks the folder
 * @throws CannotStart when the folder is in use or can't be used
 */
export function lockFolder(folder: string) {
  const file = join(folder, 'lock');
  try {
    mkdirSync(folder, { recursive: true });
    const holder = holderOf(file);
    if (holder !== undefined)
      throw new CannotStart(
        `${folder} is in use by process ${holder}. Stop it, or name another folder. (If that is another program, remove ${file}.)`,
      );
    rmSync(file, { force: true }); // of a process that was killed
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (error instanceof CannotStart) throw error;
    throw new CannotStart(`${folder} can't be used: ${(error as Error).message}.`);
  }
  return () => rmSync(file, { force: true });
}

function holderOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return pid > 0 && pid !== process.pid && isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}
