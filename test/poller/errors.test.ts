import { RequestRefused, sortFailure, TransientFailure } from '../../lambdas/poller/errors';

const advice = { denied: 'ask for the right', refused: 'report it' };
const thrown = (name: string, httpStatusCode: number) =>
  Object.assign(new Error('on purpose'), { name, $metadata: { httpStatusCode } });

test('a refusal whose body breaks off is none: nobody can tell what was refused', () => {
  expect(sortFailure(thrown('SyntaxError', 400), 'UpdateItem', advice)).toBeInstanceOf(TransientFailure);
  expect(sortFailure(thrown('ValidationException', 400), 'UpdateItem', advice)).toBeInstanceOf(RequestRefused);
});
