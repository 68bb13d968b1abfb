import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { FUNCTION_NODE } from '../../local/services/function-host';
import { median } from '../report/cells';

export interface Loads {
  /** Sizes of the bundles. */
  readonly pollerBytes: number;
  readonly bareBytes: number;
  /** CPU time to import each bundle: medians of fresh processes. */
  readonly pollerCpuMs: number;
  readonly bareCpuMs: number;
  /** Median of the rounds' ratios of CPU time. */
  readonly cpuRatio: number;
}

const ROUNDS = 25;
// CPU time, because a small Lambda function has a small share of a vCPU: a cold start waits for it.
const script = `
  const before = process.cpuUsage();
  await import(process.argv[1]);
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1000);`;

/** Environment that the poller needs to load. The bare clients ignore it. */
const environment = {
  AWS_REGION: 'us-east-1',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  TABLE_NAME: 'table',
  EVENT_BUS_NAME: 'bus',
  POLLER_SETTINGS: '{"catalog":"Sandbox"}',
};

/** Imports both bundles alternately, each in a fresh process. */
export function measureLoads({ poller, bare }: { poller: string; bare: string }): Loads {
  const rounds = Array.from({ length: ROUNDS }, () => ({ pollerCpuMs: load(poller), bareCpuMs: load(bare) }));
  return {
    pollerBytes: statSync(poller).size,
    bareBytes: statSync(bare).size,
    pollerCpuMs: median(rounds.map(({ pollerCpuMs }) => pollerCpuMs)),
    bareCpuMs: median(rounds.map(({ bareCpuMs }) => bareCpuMs)),
    cpuRatio: median(rounds.map(({ pollerCpuMs, bareCpuMs }) => pollerCpuMs / bareCpuMs)),
  };
}

function load(bundle: string): number {
  const node = process.env[FUNCTION_NODE] ?? process.execPath;
  const args = ['--input-type=module', '-e', script, bundle];
  return Number(execFileSync(node, args, { env: environment, encoding: 'utf8' }));
}
