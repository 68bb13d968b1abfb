/**
 * The folder of `--keep`: `dynamodb/` is DynamoDB's own, `partner-central.json` has every task, `lock` the process that
 * uses the folder.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotStart } from '../../cli/lib/cannot-start';
import { lockFolder } from '../../cli/lib/folder-lock';
import type { PartnerCentral } from '../services/partner-central';

type Saved = ReturnType<PartnerCentral['toJSON']>;

/** What was lost since the last save may have used this many ids; they must not come back as other tasks. */
const idsToSkip = 10_000;

/** @throws CannotStart when the folder is in use or can't be read */
export function openKeptState(folder: string) {
  const file = join(folder, 'partner-central.json');
  const unlock = lockFolder(folder);
  process.once('exit', unlock);
  let saved = { changes: -1, pauseUntil: 0 };

  return {
    /** @returns whether there was anything to load */
    load(partnerCentral: PartnerCentral): boolean {
      let text: string;
      try {
        text = readFileSync(file, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
        throw new CannotStart(`${file} can't be read: ${(error as Error).message}.`);
      }
      try {
        const found = JSON.parse(text) as Saved;
        for (const tasks of Object.values(found)) tasks.nextNumber += idsToSkip;
        partnerCentral.fromJSON(found);
        return true;
      } catch (error) {
        const advice = `Remove ${folder} to begin anew.`;
        throw new CannotStart(`${file} is damaged: ${(error as Error).message}. ${advice}`);
      }
    },
    /** Whether something changed, and the last save is long enough ago. `changes` is a count that only grows. */
    isDue: (changes: number) => changes !== saved.changes && Date.now() >= saved.pauseUntil,
    save(partnerCentral: PartnerCentral, changes: number) {
      const startedAt = Date.now();
      writeFileSync(`${file}.new`, JSON.stringify(partnerCentral));
      renameSync(`${file}.new`, file); // whoever dies in between leaves the old file whole
      saved = { changes, pauseUntil: Date.now() + 20 * (Date.now() - startedAt) }; // a million tasks take seconds
    },
  };
}
