/**
 * Installs MiniStack into a virtual environment in the project. Run as a program, it prints in one line why it is not
 * available (exit code 69: no Python, or no package index that has it) or what to fix (exit code 1).
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CannotStart } from '../../cli/lib/cannot-start';
import { run } from './run-program';

const project = join(__dirname, '..', '..');
const requirements = join(__dirname, 'requirements.txt');

/** No Python here can run MiniStack, or no package index has it. Not a fault of the project. */
export class NotAvailable extends CannotStart {}

/** EX_UNAVAILABLE of sysexits.h. */
const EX_UNAVAILABLE = 69;

/**
 * Takes some seconds the first time, then returns at once. Two concurrent runs are safe.
 * @returns path of the Python that has it
 * @throws NotAvailable naming the missing program or index
 * @throws CannotStart when Python and index exist but another requirement is missing, or the installation fails
 */
export async function installMiniStack(): Promise<string> {
  const version = await pythonVersion();
  await run('openssl', ['version'], { cwd: project }).catch(cause => {
    throw new CannotStart('Install openssl: MiniStack makes a certificate with it.', { cause });
  });
  const id = createHash('sha256').update(readFileSync(requirements)).update(version).digest('hex').slice(0, 12);
  const folder = join(project, '.ministack', id);
  if (existsSync(pythonIn(folder))) return pythonIn(folder);
  rmSync(folder, { recursive: true, force: true }); // its Python was removed

  // Installed in another folder, then renamed: the folder exists only when it is complete.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(join(project, '.ministack'), { recursive: true });
  try {
    await run('python3', ['-m', 'venv', unfinished], { cwd: project }).catch(cause => {
      throw new CannotStart("Install Python's module venv (on Debian, the package python3-venv).", { cause });
    });
    await pip(unfinished, 'install', '--requirement', requirements).catch(async error => {
      const version = /^ministack==.*$/m.exec(readFileSync(requirements, 'utf8'))?.[0] as string;
      await need(
        pythonIn(unfinished),
        [...pipArguments, 'download', '--no-deps', '--dest', join(unfinished, 'download'), version],
        `a package index that has ${version}`,
      );
      throw error;
    });
    try {
      renameSync(unfinished, folder);
    } catch (error) {
      if (!existsSync(folder)) throw error; // a concurrent run has installed it
    }
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return pythonIn(folder);
}

const pipArguments = ['-m', 'pip', '--quiet', '--disable-pip-version-check', '--no-input'];
const pip = (folder: string, ...args: string[]) => run(pythonIn(folder), [...pipArguments, ...args], { cwd: project });
const pythonIn = (folder: string) => join(folder, 'bin', 'python');

/** @throws NotAvailable */
async function pythonVersion(): Promise<string> {
  const what = 'Python 3.10 or later as python3';
  const version = await need('python3', ['-c', 'import sys; print(*sys.version_info[:2])'], what);
  const [major, minor] = version.trim().split(' ').map(Number) as [number, number];
  if (major > 3 || (major === 3 && minor >= 10)) return version;
  throw new NotAvailable(`It takes ${what}, and that is ${major}.${minor}.`);
}

/** @throws NotAvailable unless the command works */
async function need(program: string, args: readonly string[], what: string): Promise<string> {
  return run(program, args, { cwd: project }).catch(cause => {
    throw new NotAvailable(`It takes ${what}.`, { cause });
  });
}

if (require.main === module)
  installMiniStack().catch(error => {
    console.error(error instanceof CannotStart ? error.message : error);
    process.exitCode = error instanceof NotAvailable ? EX_UNAVAILABLE : 1;
  });
