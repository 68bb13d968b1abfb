/**
 * The folder of `--keep`: `dynamodb/` belongs to DynamoDB, `partner-central.json` has every task, and `lock` names the
 * process that uses the folder.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotStart } from '../../cli/lib/cannot-start';
import { lockFolder } from '../../cli/lib/folder-lock';
import type { PartnerCentral } from '../services/partner-central';

type Saved = ReturnType<PartnerCentral['toJSON']>;

/** Ids that may have been used since the last save. They must not be used again for other tasks. */
const idsToSkip = 10_000;

/** @throws CannotStart when the folder is in use or can't be read */
export function openKeptState(folder: string) {
  const file = join(folder, 'partner-central.json');
  const unlock = lockFolder(folder);
  process.once('exit', unlock);
  let saved = { changes: -1, pauseUntil: 0 };

  return {
    /** @returns whether a saved state was loaded */
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
    /** Whether something changed and the pause after the last save is over. `changes` is a growing count. */
    isDue: (changes: number) => changes !== saved.changes && Date.now() >= saved.pauseUntil,
    save(partnerCentral: PartnerCentral, changes: number) {
      const startedAt = Date.now();
      writeFileSync(`${file}.new`, JSON.stringify(partnerCentral));
      renameSync(`${file}.new`, file); // a crash in between leaves the old file intact
      saved = { changes, pauseUntil: Date.now() + 20 * (Date.now() - startedAt) }; // saving a million tasks takes seconds
    },
  };
}
