/** A stand-in for STS: GetCallerIdentity and AssumeRole in AWS's Query protocol, with the service's validation. */
import { type Members, queryError, queryReply } from './query-xml';
import { Refusal, type ServiceOptions, startService } from './service';

export interface StsOptions extends ServiceOptions {
  now?: (() => number) | undefined;
  /** Identity of callers with unknown credentials. */
  caller?: string | undefined;
  /** ARNs of the roles that may be assumed; by default every well-formed role ARN. Unknown roles get AccessDenied, as in STS. */
  roles?: readonly string[] | undefined;
}

/** Session of an assumed role. Requests carry its access key id in the Authorization header. */
export interface Session {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly roleArn: string;
  /** `arn:aws:sts::…:assumed-role/role/session` */
  readonly arn: string;
  readonly expiresAtMs: number;
}

export async function startSts(options: StsOptions = {}) {
  const { caller = 'arn:aws:sts::000000000000:assumed-role/local/local' } = options;
  const sessions: Session[] = [];

  const service = await startService({
    ...options,
    name: 'sts',
    contentType: 'text/xml',
    renderError: queryError(namespace),
    handle: ({ operation, input, accessKeyId }) => {
      const session = sessions.find(known => known.accessKeyId === accessKeyId);
      const who = session?.arn ?? caller;
      if (session && session.expiresAtMs <= sts.now())
        throw refusal(403, 'ExpiredToken', 'The security token included in the request is expired');
      if (operation === 'GetCallerIdentity') return queryReply(namespace, operation, identity(who));
      if (operation === 'AssumeRole')
        return queryReply(namespace, operation, assume(input as Record<string, string>, who));
      throw refusal(400, 'InvalidAction', `Could not find operation ${operation} for version 2011-06-15`);
    },
  });

  function assume(form: Record<string, string>, who: string): Members {
    const { RoleArn, RoleSessionName, DurationSeconds = '3600' } = form;
    check('roleArn', RoleArn, /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/);
    check('roleSessionName', RoleSessionName, /^[\w+=,.@-]{2,64}$/);
    // https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html; a role's own limit may be below twelve hours.
    check('durationSeconds', DurationSeconds, /^(9\d\d|[1-9]\d{3}|[1-3]\d{4}|4[0-2]\d{3}|43[01]\d\d|43200)$/);
    if (sts.roles && !sts.roles.includes(RoleArn)) {
      const what = `is not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`;
      throw refusal(403, 'AccessDenied', `User: ${who} ${what}`);
    }
    const session = open(RoleArn, RoleSessionName, Number(DurationSeconds));
    sessions.push(session);
    const expiration = `${new Date(session.expiresAtMs).toISOString().slice(0, 19)}Z`; // whole seconds, as in STS
    return {
      Credentials: {
        AccessKeyId: session.accessKeyId,
        SecretAccessKey: session.secretAccessKey,
        SessionToken: session.sessionToken,
        Expiration: expiration,
      },
      AssumedRoleUser: { AssumedRoleId: userId(session.arn), Arn: session.arn },
    };
  }

  function open(roleArn: string, sessionName: string, seconds: number): Session {
    const account = roleArn.split(':')[4] as string;
    const role = roleArn.slice(roleArn.lastIndexOf('/') + 1);
    // Word characters only, at least 16, as in STS, and unique for each session.
    const number = String(sessions.length + 1).padStart(12, '0');
    return {
      accessKeyId: `ASIA_${role.replace(/\W/g, '_')}_${number}`,
      secretAccessKey: `secret-access-key-of-session-${number}`,
      sessionToken: `session-token-of-session-${number}`,
      roleArn,
      arn: `arn:aws:sts::${account}:assumed-role/${role}/${sessionName}`,
      expiresAtMs: sts.now() + seconds * 1_000,
    };
  }

  const sts = Object.assign(service, {
    /** Both can be replaced at any time. */
    now: options.now ?? Date.now,
    roles: options.roles,
    /** Sessions, oldest first. */
    sessions: sessions as readonly Session[],
    /** Session of an access key id; undefined for unknown keys. */
    roleSession: (accessKeyId: string | undefined) => sessions.find(session => session.accessKeyId === accessKeyId),
  });
  return sts;
}

export type Sts = Awaited<ReturnType<typeof startSts>>;

const identity = (arn: string): Members => ({ Arn: arn, UserId: userId(arn), Account: arn.split(':')[4] });

/** The role's constant id and the session's name. */
function userId(arn: string): string {
  const [, name = '', session] = arn.slice(arn.lastIndexOf(':') + 1).split('/');
  const id = `AROA${name.replace(/\W/g, '').toUpperCase()}`.padEnd(21, '0');
  return session === undefined ? id : `${id}:${session}`;
}

function check(name: string, value: string | undefined, pattern: RegExp): asserts value is string {
  if (value !== undefined && pattern.test(value)) return;
  const said = `1 validation error detected: Value ${value === undefined ? 'null' : `'${value}'`} at '${name}' failed to satisfy constraint`;
  throw refusal(400, 'ValidationError', said);
}

const refusal = (status: number, type: string, message: string) => new Refusal({ status, type, body: { message } });

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';
