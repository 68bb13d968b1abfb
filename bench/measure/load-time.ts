import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { median } from '../report/cells';

export interface LoadTime {
  readonly bytes: number;
  /** Median of fresh processes. */
  readonly milliseconds: number;
}

const ROUNDS = 15;
const script = `
  const startedAt = performance.now();
  await import(process.argv[1]);
  console.log(performance.now() - startedAt);`;

/** What the poller needs to load; the bare clients ignore it. */
const environment = {
  AWS_REGION: 'us-east-1',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  TABLE_NAME: 'table',
  EVENT_BUS_NAME: 'bus',
  POLLER_SETTINGS: '{"catalog":"Sandbox"}',
};

/** Size of each bundle, and the time to import it in a process that has nothing but Node. The rounds take turns. */
export function measureLoadTimes<Name extends string>(bundles: Record<Name, string>): Record<Name, LoadTime> {
  const names = Object.keys(bundles) as Name[];
  const times = new Map<Name, number[]>(names.map(name => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of names) {
      const args = ['--input-type=module', '-e', script, bundles[name]];
      times.get(name)?.push(Number(execFileSync(process.execPath, args, { env: environment, encoding: 'utf8' })));
    }
  }
  return Object.fromEntries(
    names.map(name => [
      name,
      { bytes: statSync(bundles[name]).size, milliseconds: median(times.get(name) as number[]) },
    ]),
  ) as Record<Name, LoadTime>;
}
