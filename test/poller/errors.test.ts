import { PermanentFailure, RequestRefused, sortFailure, TransientFailure } from '../../lambdas/poller/errors';

const advice = { denied: 'ask for the right', refused: 'report it' };
const thrown = (name: string, httpStatusCode: number) =>
  Object.assign(new Error('on purpose'), { name, $metadata: { httpStatusCode } });

test('a refusal with a truncated body is transient, because its reason is unknown', () => {
  expect(sortFailure(thrown('SyntaxError', 400), 'UpdateItem', advice)).toBeInstanceOf(TransientFailure);
  expect(sortFailure(thrown('ValidationException', 400), 'UpdateItem', advice)).toBeInstanceOf(RequestRefused);
});

test('an error that is already classified stays unchanged', () => {
  for (const failure of [new TransientFailure('t'), new PermanentFailure('p')])
    expect(sortFailure(failure, 'ListTasks', advice)).toBe(failure);
});

test('throttling with status 400 is transient', () => {
  expect(sortFailure(thrown('Throttling', 400), 'AssumeRole', advice)).toMatchObject({
    name: 'TransientFailure',
    throttled: true,
  });
});

test.each([
  ['InvalidSignatureException', 'Signature expired: 20261122T000000Z is now earlier than 20261122T000500Z'],
  ['InvalidSignatureException', 'Signature not yet current: 20261122T001000Z is still later than 20261122T000500Z'],
  ['SignatureDoesNotMatch', 'Signature expired: 20261122T000000Z is now earlier than 20261122T000500Z'],
  ['RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.'],
  ['RequestExpired', 'Request has expired.'],
  ['RequestInTheFuture', 'on purpose'],
])('%s (%s) is caused by a clock: it is transient, and the message names the clock', (name, message) => {
  const failure = sortFailure(Object.assign(thrown(name, 403), { message }), 'ListTasks', advice);
  expect(failure).toBeInstanceOf(TransientFailure);
  expect(failure.message).toContain('Check the clock');
});

test.each(['InvalidSignatureException', 'SignatureDoesNotMatch'])('%s for any other reason is permanent', name => {
  const message = 'The request signature we calculated does not match the signature you provided.';
  const failure = sortFailure(Object.assign(thrown(name, 403), { message }), 'Publish', advice);
  expect(failure).toBeInstanceOf(PermanentFailure);
});
