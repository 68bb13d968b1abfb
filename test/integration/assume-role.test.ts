/** A poller outside the account that is linked to Partner Central: it assumes a role there to list, and uses its own role otherwise. */
import type { Fault } from '../../local/services/service';
import { HOUR, MINUTE } from '../durations';
import { errorAnswer } from '../faults';
import { openTestStack, type TestStack } from './test-stack';

const assumeRoleArn = 'arn:aws:iam::111122223333:role/partner-central-reader';
const own = 'local'; // key of the local functions
const ofRole = expect.stringMatching(/^ASIA_partner_central_reader_/);

let stack: TestStack;
/** Access keys that signed requests, by service. */
let signers: Map<string, Set<string | undefined>>;

beforeEach(async () => {
  stack = await openTestStack({ assumeRoleArn });
  signers = new Map();
  for (const service of [stack.partnerCentral, stack.dynamoDb, stack.eventBridge, stack.sts]) {
    service.onReply = call => {
      signers.set(call.service, (signers.get(call.service) ?? new Set()).add(call.accessKeyId));
    };
  }
});
afterEach(async () => {
  // Neither access key ids nor secrets may be logged.
  expect(stack.logs.filter(line => /ASIA_|of-session|of-nobody|AWS4-HMAC|Signature=/.test(line))).toEqual([]);
  await stack.close();
});

const sessions = () => stack.sts.sessions.length;
const signersOf = (service: string) => [...(signers.get(service) ?? [])];
const later = (ms: number) => {
  stack.sts.now = () => Date.now() + ms;
  return { clockOffsetMs: ms };
};
const stsAnswers = (fault: Fault | undefined) => {
  stack.sts.intercept = () => fault;
};

test('lists as the role, and reads, writes and publishes as itself', async () => {
  await stack.run();
  stack.addEnded(3);
  expect(await stack.run()).toMatchObject({ outcome: 'complete', published: 3 });
  expect(signersOf('partnercentral')).toEqual([ofRole]);
  expect(signersOf('dynamodb')).toEqual([own]);
  expect(signersOf('events')).toEqual([own]);
  expect(signersOf('sts')).toEqual([own]);
  expect(stack.sts.sessions.map(({ roleArn, arn }) => [roleArn, arn])).toEqual([
    [assumeRoleArn, 'arn:aws:sts::111122223333:assumed-role/partner-central-reader/task-poller'],
  ]);
});

test('sends the external id, if one is configured', async () => {
  const externalIds: unknown[] = [];
  stack.sts.intercept = ({ input }) => {
    externalIds.push((input as Record<string, string>).ExternalId);
    return undefined;
  };
  await stack.run();
  await stack.run('poll', undefined, stack.anotherPoller({ externalId: 'partner-17' }));
  expect(externalIds).toEqual([undefined, 'partner-17']);
});

test('assumes the role once for the life of its credentials, and again before they expire', async () => {
  for (const minutes of [0, 1, 30, 54]) await stack.run('poll', later(minutes * MINUTE));
  expect(sessions()).toBe(1);
  await stack.run('poll', later(56 * MINUTE));
  expect(sessions()).toBe(2);
  await stack.run('poll', later(100 * MINUTE));
  expect(sessions()).toBe(2);
  const [first, second] = stack.sts.sessions;
  expect(signersOf('partnercentral')).toEqual([first?.accessKeyId, second?.accessKeyId]);
});

test('without a role, STS is not called', async () => {
  await stack.run('poll', undefined, stack.anotherPoller({ assumeRoleArn: undefined }));
  expect(stack.sts.calls.total).toBe(0);
  expect(signersOf('partnercentral')).toEqual([own]);
});

describe('permanent errors fail with advice', () => {
  test('fails when the role may not be assumed', async () => {
    stack.sts.roles = [];
    const { error } = await stack.poll();
    expect(error?.name).toBe('PermanentFailure');
    expect(error?.message).toMatch(
      `AssumeRole of ${assumeRoleArn}: AccessDenied: User: arn:aws:sts::000000000000:assumed-role/local/local is not authorized`,
    );
    expect(error?.message).toContain(
      "Let the function's role use sts:AssumeRole on it, and let its trust policy name the function's role",
    );
    expect(error?.message).not.toMatch(/List\w+Tasks/);
    expect(stack.sts.calls.of('AssumeRole')).toBe(1); // neither the SDK nor the poller retries
    expect(stack.partnerCentral.calls.total).toBe(0);
    stack.sts.roles = [assumeRoleArn];
    expect(await stack.run()).toMatchObject({ outcome: 'complete' }); // at once, because the lease was released
  });

  test('fails when STS refuses the request', async () => {
    for (const type of ['ValidationError', 'RegionDisabledException', 'InvalidClientTokenId']) {
      stsAnswers(errorAnswer(type, type === 'ValidationError' ? 400 : 403));
      const { error } = await stack.poll();
      expect(error?.name).toBe('PermanentFailure');
      expect(error?.message).toMatch(`AssumeRole of ${assumeRoleArn}: ${type}`);
      expect(error?.message).toContain('Check assumeRoleArn');
    }
  });

  test('fails when the role may not list, and names the role', async () => {
    stack.partnerCentral.intercept = () => errorAnswer('AccessDeniedException', 403);
    const { error } = await stack.poll();
    expect(error?.name).toBe('PermanentFailure');
    expect(error?.message).toContain(`Let the role ${assumeRoleArn} use partnercentral:List`);
    expect(error?.message).toContain('its AWS account is the one linked to Partner Central');
    expect(error?.message).not.toContain("function's role");
  });

  test('after a session was revoked, the next run assumes the role again', async () => {
    await stack.run();
    const revoked = stack.sts.sessions[0]?.accessKeyId;
    stack.partnerCentral.intercept = ({ accessKeyId }) =>
      accessKeyId === revoked ? errorAnswer('AccessDeniedException', 403) : undefined;
    expect((await stack.poll()).error?.name).toBe('PermanentFailure');
    expect(await stack.run()).toMatchObject({ outcome: 'complete' });
    expect(sessions()).toBe(2);
  });
});

describe('transient errors end the run early and lose nothing', () => {
  test('STS throttles, fails, breaks off, or sends an invalid answer', async () => {
    const faults: Fault[] = [
      errorAnswer('Throttling', 400),
      errorAnswer('ThrottlingException', 400),
      errorAnswer('InternalFailure', 500),
      errorAnswer('ServiceUnavailable', 503),
      { when: 'before', how: 'reset' },
      { when: 'before', how: 'truncate' },
      { when: 'before', how: { status: 200, body: '<html>secret-access-key-of-session' } },
      { when: 'before', how: { status: 200, body: '' } },
    ];
    await stack.run();
    for (const [hours, fault] of faults.entries()) {
      const when = later((2 * hours + 2) * HOUR); // the session has expired
      stack.addEnded(2, () => ({ startTimeMs: Date.now() + 2 * hours * HOUR + HOUR }));
      stsAnswers(fault);
      stack.sts.calls.reset();
      stack.partnerCentral.calls.reset();
      const result = await stack.run('poll', when);
      expect({ fault, ...result }).toMatchObject({ outcome: 'partial', published: 0, listCalls: 0 });
      expect(stack.sts.calls.of('AssumeRole')).toBeGreaterThanOrEqual(1);
      expect(stack.sts.calls.of('AssumeRole')).toBeLessThanOrEqual(3);
      expect(stack.partnerCentral.calls.total).toBe(0);
      stsAnswers(undefined);
      expect({ fault, ...(await stack.run('poll', when)) }).toMatchObject({ outcome: 'complete', published: 2 });
    }
    expect(stack.published()).toHaveLength(2 * faults.length);
  });

  test('STS can not be reached', async () => {
    await stack.sts.close();
    expect(await stack.run()).toMatchObject({ outcome: 'partial', listCalls: 0 });
  });

  test('STS never answers: the run ends in time and releases the lease', async () => {
    stsAnswers({ when: 'before', how: 'hang' });
    expect(await stack.run('poll', { timeoutMs: 4_000 })).toMatchObject({ outcome: 'partial', listCalls: 0 });
    stsAnswers(undefined);
    // The SDK aborts the hung request after some seconds and retries once.
    expect(await stack.run()).toMatchObject({ outcome: 'complete' });
  });
});
