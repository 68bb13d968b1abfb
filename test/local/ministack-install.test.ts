/** What `npm run test:deploy` says on a machine that lacks what MiniStack needs, which needs none of it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'no-python-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** On a machine whose path has nothing but these programs. */
function install(programs: Readonly<Record<string, string>>) {
  const path = mkdtempSync(join(folder, 'path-'));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(path, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  }
  const script = join('local', 'ministack', 'install.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script], {
    cwd: join(__dirname, '..', '..'),
    env: { ...process.env, PATH: path },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const python = { python3: 'echo 3 12' };
const openssl = { openssl: 'exit 0' };

test.each([
  ['no Python', {}, /^It takes Python 3\.10 or later as python3\.\n$/],
  ['an old Python', { python3: 'echo 3 9' }, /^It takes Python 3\.10 or later as python3, and that is 3\.9\.\n$/],
  [
    'no package index',
    { ...pythonWhosePip('exit 1', 'exit 1'), ...openssl },
    /^It takes a package index that has ministack==[\d.]+\.\n$/,
  ],
])('%s: one line, and an exit code of its own', (_, programs, said) => {
  expect(install(programs)).toEqual({ status: 69, stdout: '', stderr: expect.stringMatching(said) });
});

test.each([
  ['no openssl', python, /^Install openssl/],
  ['no venv', { ...python, ...openssl, python3: 'test "$1" = -c && echo 3 12' }, /^Install Python's module venv/],
  [
    'a package that can be had and not be installed',
    { ...pythonWhosePip('exit 0', 'exit 1'), ...openssl },
    /failed:\n/,
  ],
])('fails when there is a Python, and %s', (_, programs, said) => {
  expect(install(programs)).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(said) });
});

/** A Python of a version that nobody has, whose `pip download` and `pip install` end like that. */
function pythonWhosePip(download: string, installation: string) {
  const pip = `case "$*" in *" download "*) ${download};; *) ${installation};; esac`;
  const venv = `/bin/mkdir -p "$3/bin"; printf '#!/bin/sh\\n%s\\n' '${pip}' > "$3/bin/python"; /bin/chmod +x "$3/bin/python"`;
  return { python3: `if [ "$1" = -c ]; then echo 3 99; else ${venv}; fi` };
}
