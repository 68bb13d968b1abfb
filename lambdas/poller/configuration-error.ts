/** Invalid configuration or props. `problems` has one line for each bad key: its name, the value got and the values allowed. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  constructor(
    where: string,
    readonly problems: readonly string[],
  ) {
    super(`${where} can't be used:\n${problems.map(line => `  - ${line}`).join('\n')}`);
  }
}

/** A value as `problems` show it. A construct refers to itself, and so has no JSON. */
export function shown(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'an object';
  }
}
