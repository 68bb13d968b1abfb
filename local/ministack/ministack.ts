/** MiniStack, an emulator of AWS, as a child process on loopback. Needs no Docker and no account. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port';
import { installMiniStack } from './install';
import { run } from './run-program';

/** A made-up account. MiniStack treats a twelve-digit access key as root of that account. */
export const account = '111122223333';
export const region = 'us-east-1';
const secretAccessKey = 'of-nobody';

const LINES_KEPT = 200;

interface MiniStackOptions {
  /** Address of the Partner Central stand-in, which MiniStack lacks. */
  readonly partnerCentral: string;
}

/**
 * Starts MiniStack with its state in a temporary folder. IAM is enforced and TLS is on.
 * It stops when this process ends for any reason.
 * @throws NotAvailable when it can't be installed
 */
export async function startMiniStack({ partnerCentral }: MiniStackOptions) {
  const python = await installMiniStack();
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'ministack-'));
    const child = spawn(python, [join(__dirname, 'serve.py')], {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'pipe'],
      // Keeps Ctrl-C from reaching it: this process stops it.
      detached: true,
      env: {
        PATH: [dirname(lambdasNode()), process.env.PATH].join(':'),
        HOME: folder,
        TMPDIR: folder,
        GATEWAY_PORT: String(port),
        BIND_HOST: '127.0.0.1',
        IOT_MTLS_ENABLED: '0', // IoT would listen on all interfaces
        AUTH: 'true',
        USE_SSL: '1', // the stack's policies refuse requests without TLS
        SSL_CERT_FILE: certificateIn(folder), // its API destinations trust a server with this certificate
        // The functions inherit this address. All other services are at MiniStack's own.
        AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral,
      },
    });
    const log: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.trimEnd().split('\n')) {
          log.push(line);
          if (log.length > LINES_KEPT) log.shift();
        }
      });
    const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
    const close = async () => {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(timer);
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    };

    const certificate = certificateIn(folder);
    if (await isReady(child, port, certificate)) {
      const endpoint = `https://localhost:${port}`;
      const ca = readFileSync(certificate, 'utf8');
      /** For the AWS CLI, the CDK CLI and SDKs: redirects them to MiniStack and hides the user's own settings. */
      const environment = {
        AWS_ENDPOINT_URL: endpoint,
        AWS_ENDPOINT_URL_PARTNERCENTRAL_SELLING: partnerCentral,
        AWS_REGION: region,
        AWS_DEFAULT_REGION: region,
        AWS_ACCESS_KEY_ID: account,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
        AWS_CONFIG_FILE: join(folder, 'no-config'),
        AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-credentials'),
        AWS_EC2_METADATA_DISABLED: 'true',
        AWS_CA_BUNDLE: certificate,
        NODE_EXTRA_CA_CERTS: certificate,
        CDK_HOME: join(folder, 'cdk'),
        // Bypass proxies. Programs read either of the two.
        NO_PROXY: 'localhost,127.0.0.1',
        no_proxy: 'localhost,127.0.0.1',
      };
      return {
        endpoint,
        folder,
        pid: child.pid as number,
        /** For a server on localhost that the functions and API destinations trust. */
        tls: { cert: ca, key: readFileSync(join(tlsIn(folder), 'server.key'), 'utf8') },
        /** Path of a Python that has the AWS CLI as a module. */
        python,
        /** For SDK clients in this process. */
        clientOptions: {
          endpoint,
          region,
          credentials: { accessKeyId: account, secretAccessKey },
          requestHandler: { httpsAgent: new Agent({ ca }) },
        },
        environment,
        /** Runs the AWS CLI, and returns what it prints. */
        awsCli: (...args: string[]) =>
          run(python, [join(__dirname, 'aws.py'), ...args], { cwd: folder, env: environment }),
        /** The last lines of its log. */
        log: log as readonly string[],
        /** Resolves when it has ended for any reason. */
        ended,
        close,
      };
    }
    await close();
    // Another process may have taken the port since it was free.
    if (attempt < 3 && log.some(line => line.includes('already in use'))) continue;
    throw new Error(`MiniStack did not start:\n${log.join('\n')}`);
  }
}

const tlsIn = (folder: string) => join(folder, 'ministack-tls');
const certificateIn = (folder: string) => join(tlsIn(folder), 'server.crt');

export type MiniStack = Awaited<ReturnType<typeof startMiniStack>>;

/** Node.js for the functions: Lambda's version if `npm run test:node24` has installed it, otherwise this process's. */
export function lambdasNode(): string {
  const modules = join(__dirname, '..', '..', 'test', 'node24', 'node_modules');
  const installed = existsSync(modules) ? readdirSync(modules).filter(name => name.startsWith('node-')) : [];
  const [found] = installed.map(name => join(modules, name, 'bin', 'node')).filter(path => existsSync(path));
  return found ?? process.execPath;
}

/** @returns false when it ended or did not answer within a minute */
async function isReady(child: ChildProcess, port: number, certificate: string): Promise<boolean> {
  for (let tries = 0; tries < 300 && child.exitCode === null && child.signalCode === null; tries += 1) {
    if (existsSync(certificate) && (await answers(port, certificate))) return true;
    await sleep(200);
  }
  return false;
}

function answers(port: number, certificate: string): Promise<boolean> {
  return new Promise(resolve => {
    const health = { host: '127.0.0.1', servername: 'localhost', port, path: '/_ministack/health' };
    request({ ...health, ca: readFileSync(certificate), agent: false }, response => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on('error', () => resolve(false))
      .end();
  });
}
