/** Runs a state machine as Step Functions would, without waiting: the states and paths that the examples have. */
import type { Json } from '../infra/read-template';

interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly MaxAttempts: number;
  readonly IntervalSeconds?: number;
  readonly BackoffRate?: number;
}
interface State {
  readonly Type: string;
  readonly Next?: string;
  readonly Default?: string;
  readonly Parameters?: Json;
  readonly ResultPath?: string;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly { ErrorEquals: readonly string[]; ResultPath: string; Next: string }[];
  readonly Choices?: readonly { Variable: string; StringEquals: string; Next: string }[];
  readonly SecondsPath?: string;
  readonly Error?: string;
}
export interface Definition {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

interface Failure {
  readonly name: string;
  readonly message: string;
}

interface Options {
  readonly execution: string;
  /** @throws what the function failed with */
  readonly invoke: (payload: Json) => Promise<unknown>;
}

export interface Execution {
  readonly status: 'SUCCEEDED' | 'FAILED';
  readonly error?: string | undefined;
  readonly output: Json;
  /** Seconds of each wait, and of each pause before a retry. */
  readonly pauses: readonly number[];
}

export async function runStateMachine(
  { StartAt, States }: Definition,
  input: Json,
  options: Options,
): Promise<Execution> {
  const pauses: number[] = [];
  let [name, data] = [StartAt, input];
  for (;;) {
    const state = States[name];
    if (!state) throw new Error(`There is no state ${name}`);
    if (state.Type === 'Succeed') return { status: 'SUCCEEDED', output: data, pauses };
    if (state.Type === 'Fail') return { status: 'FAILED', error: state.Error, output: data, pauses };
    let next = state.Next;
    if (state.Type === 'Choice') {
      const choice = state.Choices?.find(({ Variable, StringEquals }) => at(Variable, data) === StringEquals);
      next = choice?.Next ?? state.Default;
    } else if (state.Type === 'Wait') pauses.push(at(String(state.SecondsPath), data) as number);
    else if (state.Type === 'Task') {
      const payload = parameters(state.Parameters ?? {}, data, options.execution);
      try {
        data = { ...data, [member(state.ResultPath)]: await withRetries(state, () => options.invoke(payload), pauses) };
      } catch (error) {
        const failure = error as Failure;
        const caught = state.Catch?.find(({ ErrorEquals }) => isMatch(ErrorEquals, failure));
        if (!caught) return { status: 'FAILED', error: failure.name, output: data, pauses };
        const Cause = JSON.stringify({ errorType: failure.name, errorMessage: failure.message });
        data = { ...data, [member(caught.ResultPath)]: { Error: failure.name, Cause } };
        next = caught.Next;
      }
    } else throw new Error(`Not known here: a state of type ${state.Type}`);
    if (next === undefined) return { status: 'SUCCEEDED', output: data, pauses };
    name = next;
  }
}

/** Each retrier counts its own attempts; the first that matches an error decides. */
async function withRetries(state: State, attempt: () => Promise<unknown>, pauses: number[]): Promise<unknown> {
  const attempts = new Map<Retrier, number>();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const retrier = state.Retry?.find(({ ErrorEquals }) => isMatch(ErrorEquals, error as Failure));
      const made = retrier ? (attempts.get(retrier) ?? 0) : 0;
      if (!retrier || made >= retrier.MaxAttempts) throw error;
      attempts.set(retrier, made + 1);
      pauses.push((retrier.IntervalSeconds ?? 1) * (retrier.BackoffRate ?? 2) ** made);
    }
  }
}

const isMatch = (errorEquals: readonly string[], { name }: Failure) =>
  errorEquals.includes(name) || errorEquals.includes('States.ALL');

const parameters = (template: Json, data: Json, execution: string): Json =>
  Object.fromEntries(
    Object.entries(template).map(([key, value]) => {
      if (!key.endsWith('.$')) return [key, value];
      return [key.slice(0, -2), value === '$$.Execution.Id' ? execution : at(String(value), data)];
    }),
  );

/** What is at `$.a.b`. */
function at(path: string, data: Json): unknown {
  const found = path
    .split('.')
    .slice(1)
    .reduce<unknown>((value, key) => (value as Json | undefined)?.[key], data);
  if (found === undefined) throw new Error(`Nothing is at ${path}`); // there, the execution would fail
  return found;
}

const member = (resultPath = '') => resultPath.replace(/^\$\./, '');
