/** The profiles of the AWS CLI. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export type Profile = Readonly<Record<string, string>>;

/** The file of the configuration, and that of the credentials. */
export function profileFiles(environment: NodeJS.ProcessEnv): readonly [config: string, credentials: string] {
  const folder = join(environment.HOME || homedir(), '.aws');
  return [
    environment.AWS_CONFIG_FILE || join(folder, 'config'),
    environment.AWS_SHARED_CREDENTIALS_FILE || join(folder, 'credentials'),
  ];
}

/** By name. Where both files have a key, that of the configuration wins. */
export function readProfiles(environment: NodeJS.ProcessEnv): ReadonlyMap<string, Profile> {
  const profiles = new Map<string, Profile>();
  for (const file of profileFiles(environment))
    for (const [name, profile] of profilesIn(file)) profiles.set(name, { ...profile, ...profiles.get(name) });
  return profiles;
}

function profilesIn(file: string): ReadonlyMap<string, Profile> {
  const profiles = new Map<string, Record<string, string>>();
  let profile: Record<string, string> = {};
  for (const line of linesOf(file)) {
    const [, section] = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]/.exec(line) ?? [];
    const [, key, value] = /^(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section !== undefined) {
      profile = {};
      profiles.set(section.replace(/^(["'])(.*)\1$/, '$2'), profile);
    } else if (key !== undefined && value !== undefined) profile[key] = value;
  }
  return profiles;
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
}
