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

/** By name. Where both files have a key, that of the credentials wins. */
export function readProfiles(environment: NodeJS.ProcessEnv): ReadonlyMap<string, Profile> {
  const [config, credentials] = profileFiles(environment);
  const profiles = new Map<string, Profile>();
  for (const [header, values] of sectionsIn(config)) {
    const name = header === 'default' ? header : nameIn('profile', header);
    if (name !== undefined) profiles.set(name, values);
  }
  for (const [name, values] of sectionsIn(credentials)) profiles.set(name, { ...profiles.get(name), ...values });
  return profiles;
}

export const readSsoSessions = (environment: NodeJS.ProcessEnv): readonly string[] =>
  sectionsIn(profileFiles(environment)[0]).flatMap(([header]) => nameIn('sso-session', header) ?? []);

/** The name in a section's header. As the AWS CLI has it, one with spaces needs quotes. */
function nameIn(type: 'profile' | 'sso-session', header: string): string | undefined {
  const [, given = ''] = new RegExp(`^${type}\\s+(.+)$`).exec(header) ?? [];
  const [, , quoted] = /^(["'])(.+)\1$/.exec(given) ?? [];
  return quoted ?? (/^\S+$/.test(given) ? given : undefined);
}

function sectionsIn(file: string): [header: string, values: Profile][] {
  const sections: [string, Record<string, string>][] = [];
  for (const line of textOf(file).split(/\r?\n/)) {
    const [, header] = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line) ?? [];
    const [, key, value] = /^(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (header !== undefined) sections.push([header, {}]);
    else if (key !== undefined && value !== undefined) Object.assign(sections.at(-1)?.[1] ?? {}, { [key]: value });
  }
  return sections;
}

export function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
