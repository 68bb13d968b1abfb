/**
 * Tables as each release left them, at 18:00 on 22 November 2026, read by this release. A release may only add attributes,
 * so that a rollback loses nothing. Attributes that an older release would misread raise the format version, which it
 * refuses.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { toCheckpoint } from '../../lambdas/poller/edges/checkpoint-item';
import { FORMAT_VERSION, toRow } from '../../lambdas/poller/edges/row-item';
import { openTestStack, type TestStack } from '../integration/test-stack';

type Item = Record<string, unknown> & { item: string };

const folder = join(__dirname, 'tables');
const releases = readdirSync(folder).map(file => file.replace(/\.json$/, ''));
const tableOf = (release: string): Item[] =>
  JSON.parse(readFileSync(join(folder, `${release}.json`), 'utf8')).map(
    (item: Record<string, AttributeValue>) => unmarshall(item) as Item,
  );
const rowsOf = (table: readonly Item[]) => table.filter(({ item }) => item.startsWith('TASK#'));
const idOf = ({ item }: Item) => item.slice('TASK#'.length);

test('there is a table of this release and of every format version', () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'));
  expect(existsSync(join(folder, `${version}.json`))).toBe(true);
  const formats = new Set(releases.flatMap(tableOf).map(({ formatVersion }) => formatVersion));
  expect([...formats].sort()).toEqual(Array.from({ length: FORMAT_VERSION }, (_, at) => at + 1));
});

describe.each(releases)('a table of %s', release => {
  const table = tableOf(release);

  test('is read completely: nothing damaged, nothing unknown', () => {
    for (const item of rowsOf(table)) {
      const { row, damaged } = toRow(item);
      expect({ item: item.item, damaged, unknown: row.unknownAttributes }).toEqual({
        item: item.item,
        damaged: false,
        unknown: undefined,
      });
    }
    const checkpoint = toCheckpoint(table.find(({ item }) => item === 'CHECKPOINT') as Item);
    expect(checkpoint.gaps?.map(({ floor }) => new Date(floor).toISOString())).toEqual([
      '2026-11-01T00:00:00.000Z',
      '2026-11-18T00:00:00.000Z',
    ]);
    expect(checkpoint).toMatchObject({ initialised: true, watermark: Date.UTC(2026, 10, 22, 17, 59) });
  });

  describe('used by this release', () => {
    let stack: TestStack;
    beforeEach(async () => {
      stack = await openTestStack();
    });
    afterEach(() => stack.close());
    const then = Date.UTC(2026, 10, 22, 18);
    const atThatTime = () => ({ clockOffsetMs: then - Date.now() });
    const listed = (status: string) => ({ status, startTimeMs: then - 90 * 60_000 });

    /** Running tasks have ended; ended tasks are unchanged. */
    function endAll(): string[] {
      for (const item of rowsOf(table)) {
        const taskId = idOf(item);
        const ended = /complete|ageless|unknown/.test(taskId) ? 'COMPLETE' : 'FAILED';
        stack.store.add({ taskId, ...listed(ended) });
      }
      // In the range that the older gap still has to sweep.
      stack.store.add({ taskId: 'task-overlooked001', status: 'COMPLETE', startTimeMs: Date.UTC(2026, 10, 19) });
      return [
        'task-missing000001 FAILED',
        'task-overlooked001 COMPLETE',
        'task-refused000001 FAILED',
        'task-running000001 FAILED',
        'task-stalled000001 FAILED',
        'task-unknown000001 COMPLETE',
      ];
    }

    test('loses nothing and publishes nothing twice', async () => {
      await stack.putItems(table);
      const expected = endAll();
      await stack.runUntilQuiet(10, atThatTime());
      expect(stack.published()).toEqual(expected);
      expect(await stack.checkpoint()).toMatchObject({ gaps: [], leaseExpiresAtMs: 0 });
    });

    test('keeps attributes of a later release, so a rollback and upgrade lose nothing', async () => {
      const added = { ofALaterRelease: { nested: [1, 'two'] } };
      const isGapList = (value: unknown): value is object[] => Array.isArray(value);
      await stack.putItems(
        table.map(item => ({
          ...item,
          ...added,
          ...(isGapList(item.gaps) && { gaps: item.gaps.map(gap => ({ ...gap, ...added })) }),
        })),
      );
      const expected = endAll();
      stack.partnerCentral.intercept = ({ input }) =>
        input.TaskIdentifier || input.TaskStatus ? undefined : { when: 'before', how: { status: 500 } };
      await stack.run('poll', atThatTime());
      const { gaps } = (await stack.checkpoint()) as { gaps: object[] };
      expect(gaps).toEqual([expect.objectContaining(added), expect.objectContaining(added)]);
      stack.partnerCentral.intercept = undefined;
      await stack.runUntilQuiet(10, atThatTime());
      expect(stack.published()).toEqual(expected);
      for (const item of rowsOf(table)) expect(await stack.row(idOf(item))).toMatchObject(added);
      expect(await stack.checkpoint()).toMatchObject(added);
    });

    test('fails when the format is newer, before anything is published or written', async () => {
      const newer = table.map(item => ({ ...item, formatVersion: FORMAT_VERSION + 1 }));
      await stack.putItems(newer);
      endAll();
      const { error } = await stack.poll('poll', atThatTime());
      expect(error?.message).toMatch(/has format version 2, and this release reads up to 1\. Deploy the release that/);
      expect(stack.published()).toEqual([]);
      for (const item of rowsOf(newer)) expect(await stack.row(idOf(item))).toEqual(item);
    });
  });
});
