/** What `npm run test:deploy` prints on a machine that lacks MiniStack's requirements. Needs none of them itself. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotStart } from '../../cli/lib/cannot-start';
import { installMiniStack, NotAvailable } from '../../local/ministack/install';

const folder = mkdtempSync(join(tmpdir(), 'no-python-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A PATH with these programs only. */
function pathWith(programs: Readonly<Record<string, string>>) {
  const path = mkdtempSync(join(folder, 'path-'));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  return path;
}

const { PATH } = process.env;
afterEach(() => {
  process.env.PATH = PATH;
});

/** @returns the error */
async function install(programs: Readonly<Record<string, string>>) {
  process.env.PATH = pathWith(programs);
  return installMiniStack().catch(error => error);
}

/** Runs it as a process. */
function installAlone(programs: Readonly<Record<string, string>>) {
  const script = join('local', 'ministack', 'install.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script], {
    cwd: join(__dirname, '..', '..'),
    env: { ...process.env, PATH: pathWith(programs) },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const python = { python3: 'echo 3 12' };
const openssl = { openssl: 'exit 0' };

test.each([
  ['no Python', {}, /^It takes Python 3\.10 or later as python3\.$/],
  ['an old Python', { python3: 'echo 3 9' }, /^It takes Python 3\.10 or later as python3, and that is 3\.9\.$/],
  [
    'no package index',
    { ...pythonWhosePip('exit 1', 'exit 1'), ...openssl },
    /^It takes a package index that has ministack==[\d.]+\.$/,
  ],
])('fails when there is %s: not available, in one line', async (_, programs, said) => {
  const error = await install(programs);
  expect(error).toBeInstanceOf(NotAvailable);
  expect(error.message).toMatch(said);
});

test.each([
  ['no openssl', python, /^Install openssl/],
  ['no venv', { ...python, ...openssl, python3: 'test "$1" = -c && echo 3 12' }, /^Install Python's module venv/],
  ['a package that downloads but fails to install', { ...pythonWhosePip('exit 0', 'exit 1'), ...openssl }, /failed:\n/],
])('fails when there is a Python and %s', async (_, programs, said) => {
  const error = await install(programs);
  expect(error).toBeInstanceOf(CannotStart);
  expect(error).not.toBeInstanceOf(NotAvailable);
  expect(error.message).toMatch(said);
});

test.each([
  ['69 when it is not available', {}, 69, /^It takes Python 3\.10 or later as python3\.\n$/],
  ['1 when another requirement is missing', python, 1, /^Install openssl[^\n]*\n$/],
])('fails as a process with exit code %s', (_, programs, status, said) => {
  expect(installAlone(programs)).toEqual({ status, stdout: '', stderr: expect.stringMatching(said) });
});

/** A Python of an unused version, whose `pip download` and `pip install` end like that. */
function pythonWhosePip(download: string, installation: string) {
  const pip = `case "$*" in *" download "*) ${download};; *) ${installation};; esac`;
  const venv = `/bin/mkdir -p "$3/bin"; printf '#!/bin/sh\\n%s\\n' '${pip}' > "$3/bin/python"; /bin/chmod +x "$3/bin/python"`;
  return { python3: `if [ "$1" = -c ]; then echo 3 99; else ${venv}; fi` };
}
