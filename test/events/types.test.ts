/** The shipped types: equal to the parser's, and without types of a library. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskCompleted, TaskEvent, TaskFailed, TaskStalled } from 'partner-central-task-poller/events';
import type * as v from 'valibot';
import type { eventSchemas, taskEvent } from '../../events/event-schemas';

/** Absent fields are omitted, never undefined, and events are read-only. */
type AsPublished<T> = T extends (infer One)[]
  ? readonly One[]
  : T extends object
    ? { readonly [K in keyof T]: AsPublished<Exclude<T[K], undefined>> }
    : T;
type Flat<T> = T extends object ? { [K in keyof T]: Flat<T[K]> } : T;
type Same<A, B> = (<T>() => T extends Flat<A> ? 1 : 2) extends <T>() => T extends Flat<B> ? 1 : 2 ? true : false;
type Checked<S extends v.GenericSchema> = AsPublished<v.InferOutput<S>>;

test("each type equals its schema's (checked by tsc)", () => {
  const same: [
    Same<TaskCompleted, Checked<(typeof eventSchemas)['TaskCompleted']>>,
    Same<TaskFailed, Checked<(typeof eventSchemas)['TaskFailed']>>,
    Same<TaskStalled, Checked<(typeof eventSchemas)['TaskStalled']>>,
    Same<TaskEvent, Checked<typeof taskEvent>>,
  ] = [true, true, true, true];
  // @ts-expect-error the comparison detects a difference
  const different: Same<TaskCompleted, TaskFailed> = true;
  expect([...same, different]).toHaveLength(5);
});

describe('declarations', () => {
  const root = join(__dirname, '..', '..');
  const folder = mkdtempSync(join(tmpdir(), 'event-types-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const tsc = (...options: string[]) =>
    execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), ...options], {
      cwd: folder,
    });
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');

  test('of the entry point refer to no package, and a consumer compiles with them alone', () => {
    const strict = ['--strict', '--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2023'];
    const emit = ['--declaration', '--emitDeclarationOnly', '--rootDir', root, '--outDir', join(folder, 'types')];
    tsc(
      join(root, 'events', 'index.ts'),
      '--ignoreConfig',
      '--skipLibCheck',
      '--types',
      'node',
      '--typeRoots',
      join(root, 'node_modules', '@types'),
      ...strict,
      ...emit,
    );
    const reached = [
      'events/index',
      'events/parse-task-event',
      'events/task-events',
      'events/task-started',
      'lambdas/event-names',
    ];
    for (const file of reached)
      for (const [, from] of read(`types/${file}.d.ts`).matchAll(/from '([^']+)'|import\('([^']+)'\)/g))
        expect(reached).toContain(join(file, '..', String(from)));

    mkdirSync(join(folder, 'alone', 'events'), { recursive: true });
    mkdirSync(join(folder, 'alone', 'lambdas'));
    for (const file of reached) cpSync(join(folder, 'types', `${file}.d.ts`), join(folder, 'alone', `${file}.d.ts`));
    writeFileSync(
      join(folder, 'alone', 'consumer.ts'),
      `import { parseTaskEvent, TASK_FAILED, TASK_STALLED, type ReasonCategory, type TaskFailedDetail } from './events/index';
export function read(given: unknown): string | number | undefined {
  const event = parseTaskEvent(given);
  if (event['detail-type'] === TASK_FAILED) return why(event.detail);
  if (event['detail-type'] === TASK_STALLED) return event.detail.stalledAfterMinutes;
  return event.detail.opportunityId;
}
const why = ({ reasonCategory, taskStatus }: TaskFailedDetail): ReasonCategory | 'FAILED' => reasonCategory ?? taskStatus;
`,
    );
    tsc(join(folder, 'alone', 'consumer.ts'), '--ignoreConfig', '--noEmit', '--types', '', ...strict);
    expect(readdirSync(join(folder, 'alone', 'events'))).toHaveLength(4);
  });
});
