/**
 * Whether `npm audit` knows a hole in what ships: the packages inside the bundles of the functions, of the command line and
 * of the rest of the package. What only builds and tests them never runs where there is something to steal, and is left to
 * `npm audit` itself.
 * `npm run audit:bundles` fails when there is one. A registry without audits leaves nothing to say, and that passes,
 * unless AUDIT_STRICT is `true`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { bundles } from './build';
import { packagesIn } from './third-party';

const root = join(__dirname, '..');

/** A part of what `npm audit --json` prints: https://docs.npmjs.com/cli/v11/commands/npm-audit */
interface Report {
  readonly auditReportVersion: 2;
  readonly vulnerabilities: Readonly<Record<string, Vulnerability>>;
}
interface Vulnerability {
  readonly name: string;
  /** Advisories on the package itself, and names of vulnerable packages that it needs. */
  readonly via: readonly (Advisory | string)[];
  /** Where it is installed: `node_modules/a/node_modules/b`. */
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

/** What a registry answers that has no audits: not there, not allowed, not implemented. */
const notOffered = [404, 405, 501];

/**
 * @param report what `npm audit --json` printed, parsed; undefined when that was no JSON
 * @param shipped where the packages that ship are installed
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
    // A package that only needs a vulnerable one is no hole itself; the one it needs is in the report, too.
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

/** Where the packages are installed that ship, as `npm audit` writes it, with the files in dist that have code of them. */
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
