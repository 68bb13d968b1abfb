import { PermanentFailure, RequestRefused, sortFailure, TransientFailure } from '../../lambdas/poller/errors';

const advice = { denied: 'ask for the right', refused: 'report it' };
const thrown = (name: string, httpStatusCode: number) =>
  Object.assign(new Error('on purpose'), { name, $metadata: { httpStatusCode } });

test('a refusal whose body breaks off is none: nobody can tell what was refused', () => {
  expect(sortFailure(thrown('SyntaxError', 400), 'UpdateItem', advice)).toBeInstanceOf(TransientFailure);
  expect(sortFailure(thrown('ValidationException', 400), 'UpdateItem', advice)).toBeInstanceOf(RequestRefused);
});

test('what was sorted further in stays as it is', () => {
  for (const failure of [new TransientFailure('t'), new PermanentFailure('p')])
    expect(sortFailure(failure, 'ListTasks', advice)).toBe(failure);
});

test('throttling under a status that says "your mistake" is nobody\'s', () => {
  expect(sortFailure(thrown('Throttling', 400), 'AssumeRole', advice)).toMatchObject({
    name: 'TransientFailure',
    throttled: true,
  });
});
