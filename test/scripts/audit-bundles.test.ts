/** The verdict about advisories in the bundles, for reports in npm's format. */
import { judge, shippedPackages } from '../../scripts/audit-bundles';
import { installedAt } from '../../scripts/third-party';

const shipped = new Set(['node_modules/valibot', 'node_modules/@aws-sdk/core', 'node_modules/a/node_modules/nested']);

const advisory = (name: string) => ({
  source: 1_096_544,
  name,
  dependency: name,
  title: 'Prototype pollution',
  url: `https://github.com/advisories/GHSA-${name}`,
  severity: 'high',
  cwe: ['CWE-1321'],
  cvss: { score: 7.5, vectorString: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N' },
  range: '<1.6.0',
});
const vulnerability = (name: string, via: unknown[], nodes: string[]) => ({
  [name]: { name, severity: 'high', isDirect: false, via, effects: [], range: '<1.6.0', nodes, fixAvailable: true },
});
const report = (...vulnerabilities: object[]) => ({
  auditReportVersion: 2,
  vulnerabilities: Object.assign({}, ...vulnerabilities),
  metadata: { vulnerabilities: { total: vulnerabilities.length }, dependencies: { prod: 70, dev: 400, total: 470 } },
});
const refusal = (statusCode: number, status: string) => ({
  message: `${statusCode} ${status} - POST https://registry.example/-/npm/v1/security/advisories/bulk`,
  method: 'POST',
  uri: 'https://registry.example/-/npm/v1/security/advisories/bulk',
  headers: { allow: ['GET,HEAD'] },
  statusCode,
  body: '',
  error: { summary: '', detail: '' },
});
const advisoryLine = (name: string) =>
  `  - ${name} <1.6.0: Prototype pollution (high), https://github.com/advisories/GHSA-${name}`;
const found = (...names: string[]) => ['The bundles ship packages with advisories:', ...names.map(advisoryLine)];
const none = (elsewhere: number) => [
  `No advisory for the 3 packages in the bundles; ${elsewhere} for what does not ship`,
];
const notChecked = (why: RegExp) => [expect.stringMatching(why)];

test.each<[what: string, report: unknown, passes: boolean, says: unknown[]]>([
  ['there is no advisory', report(), true, none(0)],
  [
    'a package in a bundle has an advisory',
    report(vulnerability('valibot', [advisory('valibot')], ['node_modules/valibot'])),
    false,
    found('valibot'),
  ],
  [
    'a scoped package has an advisory',
    report(vulnerability('@aws-sdk/core', [advisory('@aws-sdk/core')], ['node_modules/@aws-sdk/core'])),
    false,
    found('@aws-sdk/core'),
  ],
  [
    'only a package that does not ship has an advisory',
    report(vulnerability('dynalite', [advisory('dynalite')], ['node_modules/dynalite'])),
    true,
    none(1),
  ],
  [
    'another copy of the package ships',
    report(vulnerability('valibot', [advisory('valibot')], ['node_modules/b/node_modules/valibot'])),
    true,
    none(1),
  ],
  [
    'one of two copies ships, inside another package',
    report(
      vulnerability('nested', [advisory('nested')], ['node_modules/nested', 'node_modules/a/node_modules/nested']),
    ),
    false,
    found('nested'),
  ],
  [
    'a dependency of a shipped package has an advisory and does not ship',
    report(
      vulnerability('valibot', ['lodash'], ['node_modules/valibot']),
      vulnerability('lodash', [advisory('lodash')], ['node_modules/lodash']),
    ),
    true,
    none(1),
  ],
  [
    'a package has two advisories, and a dependency with one',
    report(
      vulnerability('valibot', [advisory('valibot'), 'lodash', advisory('valibot')], ['node_modules/valibot']),
      vulnerability('lodash', [advisory('lodash')], ['node_modules/lodash']),
    ),
    false,
    found('valibot', 'valibot'),
  ],
  [
    'the registry has no audits',
    refusal(405, 'Method Not Allowed'),
    true,
    notChecked(/^Nothing was checked: .*405 Method/),
  ],
  ['the registry has no such address', refusal(404, 'Not Found'), true, notChecked(/^Nothing was checked: .*404/)],
  ['the registry fails', refusal(503, 'Service Unavailable'), false, notChecked(/could not be audited: 503/)],
  ['the registry denies access', refusal(401, 'Unauthorized'), false, notChecked(/could not be audited: 401/)],
  [
    'there is no network',
    { message: 'request to https://registry.example failed, reason: getaddrinfo ENOTFOUND' },
    false,
    notChecked(/could not be audited: request to .* ENOTFOUND/),
  ],
  ['npm prints nothing', undefined, false, notChecked(/could not be audited: npm audit printed no report/)],
  ['the report is of another version', { auditReportVersion: 3 }, false, notChecked(/no report of version 2/)],
])('%s', (_, report, passes, says) => {
  expect(judge(report, shipped, false)).toEqual({ passes, says });
});

test.each<[what: string, report: unknown, passes: boolean]>([
  ['there is no advisory', report(), true],
  ['the registry has no audits', refusal(405, 'Method Not Allowed'), false],
  ['npm prints nothing', undefined, false],
])('in strict mode, when %s', (_, report, passes) => {
  expect(judge(report, shipped, true).passes).toBe(passes);
});

test.each<[file: string, path: string | undefined]>([
  ['lambdas/poller/run.ts', undefined],
  ['node_modules/valibot/dist/index.mjs', 'node_modules/valibot'],
  ['../main/node_modules/@smithy/core/dist-es/index.js', 'node_modules/@smithy/core'],
  ['node_modules/@aws-sdk/core/node_modules/tslib/tslib.js', 'node_modules/@aws-sdk/core/node_modules/tslib'],
])('%s belongs to %s', (file, path) => expect(installedAt(file)).toBe(path));

describe('shipped packages', () => {
  let filesOf: Awaited<ReturnType<typeof shippedPackages>>;
  beforeAll(async () => {
    filesOf = await shippedPackages();
  });

  test('include those of the functions and the command line, and none for builds or tests', () => {
    const packages = [...filesOf.keys()];
    const ofFunctions = ['valibot', '@aws-lambda-powertools/logger', '@aws-sdk/client-sns', '@aws-sdk/client-dynamodb'];
    const ofCommandLine = ['commander', 'proxy-agent', '@aws-sdk/client-cloudformation'];
    for (const name of [...ofFunctions, ...ofCommandLine]) expect(packages).toContain(`node_modules/${name}`);
    for (const name of ['aws-cdk-lib', 'dynalite', 'jest', 'typescript', 'constructs'])
      expect(packages).not.toContain(`node_modules/${name}`);
  });

  test('of the functions include none of the command line: no proxies, no options', () => {
    const ofFunctions = [...filesOf].filter(([, files]) => files.some(file => /functions/.test(file)));
    const names = ofFunctions.map(([path]) => path.slice('node_modules/'.length));
    expect(names).toContain('@aws-sdk/client-dynamodb');
    expect(names.filter(name => /proxy|^agent-base$|^commander$/.test(name))).toEqual([]);
  });
});
