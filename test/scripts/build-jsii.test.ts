import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { forJsii } from '../../scripts/build-jsii';

test.each([
  ["import type { ReasonCategory } from '../events/task-events';\nexport {};\n", 'export {};\n'],
  ['readonly reasonCategories?: readonly ReasonCategory[];', 'readonly reasonCategories?: string[];'],
  ['readonly alarms: readonly Alarm[];', 'readonly alarms: Alarm[];'],
  ['pollAfter(...receivers: readonly IConstruct[]): void;', 'pollAfter(...receivers: IConstruct[]): void;'],
  [
    "readonly alertRoutes?: Readonly<Partial<Record<ReasonCategory | '*', string>>>;",
    'readonly alertRoutes?: { [key: string]: string };',
  ],
  ['readonly table: ITable;', 'readonly table: ITable;'],
])('%s', (declaration, expected) => {
  expect(forJsii(declaration)).toBe(expected);
});

test('the settings contain no types that jsii does not support', () => {
  const settings = readFileSync(join(__dirname, '..', '..', 'infra', 'task-poller-settings.ts'), 'utf8');
  expect(forJsii(settings)).not.toMatch(/Record<|Partial<|readonly [\w.]+\[\]|^export type/m);
});
