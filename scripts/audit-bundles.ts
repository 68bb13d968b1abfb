/**
 * `npm run audit:bundles` fails when `npm audit` reports an advisory for a package that ships: in the functions, in the
 * command line or in the rest of the package. Build and test packages never run in AWS, so they are left to `npm audit`
 * itself. Passes when the registry has no audits, unless AUDIT_STRICT is `true`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bundles } from './build';
import { packagesIn } from './third-party';

const root = join(__dirname, '..');

/** Part of the output of `npm audit --json`: https://docs.npmjs.com/cli/v11/commands/npm-audit */
interface Report {
  readonly auditReportVersion: 2;
  readonly vulnerabilities: Readonly<Record<string, Vulnerability>>;
}
interface Vulnerability {
  readonly name: string;
  /** Advisories for the package itself, and names of its vulnerable dependencies. */
  readonly via: readonly (Advisory | string)[];
  /** Installation folder: `node_modules/a/node_modules/b`. */
  readonly nodes: readonly string[];
}
interface Advisory {
  readonly title: string;
  readonly url: string;
  readonly severity: string;
  readonly range: string;
}

export interface Verdict {
  readonly passes: boolean;
  readonly says: readonly string[];
}

/** Answers of a registry without audits: not found, not allowed, not implemented. */
const notOffered = [404, 405, 501];

/**
 * @param report parsed output of `npm audit --json`; undefined when it was no JSON
 * @param shipped installation folders of the shipped packages
 */
export function judge(report: unknown, shipped: Pick<ReadonlySet<string>, 'has' | 'size'>, strict: boolean): Verdict {
  const { statusCode, message } = Object(report) as { statusCode?: number; message?: string };
  if (!isReport(report)) {
    const why = message?.split('\n')[0] ?? 'npm audit printed no report of version 2';
    if (!notOffered.includes(statusCode ?? 0))
      return { passes: false, says: [`The bundles could not be audited: ${why}`] };
    return { passes: !strict, says: [`Nothing was checked: the registry offers no audits (${why})`] };
  }
  const advisories = Object.values(report.vulnerabilities).flatMap(({ name, via, nodes }) =>
    // A package with a vulnerable dependency is skipped: the dependency has its own entry in the report.
    via.flatMap(advisory => (typeof advisory === 'string' ? [] : [{ name, advisory, nodes }])),
  );
  const inBundles = advisories.filter(({ nodes }) => nodes.some(path => shipped.has(path)));
  if (inBundles.length === 0)
    return {
      passes: true,
      says: [
        `No advisory for the ${shipped.size} packages in the bundles; ${advisories.length} for what does not ship`,
      ],
    };
  const lines = inBundles.map(
    ({ name, advisory: { severity, title, range, url } }) => `  - ${name} ${range}: ${title} (${severity}), ${url}`,
  );
  return { passes: false, says: ['The bundles ship packages with advisories:', ...lines] };
}

function isReport(report: unknown): report is Report {
  const { auditReportVersion, vulnerabilities } = Object(report) as Partial<Report>;
  return auditReportVersion === 2 && typeof vulnerabilities === 'object' && vulnerabilities !== null;
}

/** Installation folders of the shipped packages, as `npm audit` writes them, with the files in dist that contain them. */
export const shippedPackages = async () => packagesIn(await bundles({ write: false }));

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function main(): Promise<void> {
  const shipped = await shippedPackages();
  const { stdout } = spawnSync('npm', ['audit', '--json'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const { passes, says } = judge(parse(stdout), shipped, process.env.AUDIT_STRICT === 'true');
  for (const line of says) console.log(line);
  if (!passes) process.exitCode = 1;
}

if (require.main === module) {
  main().catch(error => {
    console.error(error);
    process.exitCode = 1;
  });
}
