import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { billedResources } from '../../bench/cost/billed-resources';
import {
  assumed,
  extraUsage,
  functionSeconds,
  furtherSourceCost,
  monthlyCost,
  monthlyUsage,
  POLLS_PER_MONTH,
  scheduledUsage,
  total,
  type Usage,
} from '../../bench/cost/month';
import { partners } from '../../bench/cost/partners';
import { synthesize } from '../../infra/synthesize';
import { readSynthesized } from '../../local/synthesized';

const nothing: Usage = {
  polls: 0,
  listCalls: 0,
  otherCalls: 0,
  cpuMs: 0,
  readUnits: 0,
  writeUnits: 0,
  logBytes: 0,
  events: 0,
  eventBytes: 0,
};
const parts = {
  quietPoll: {
    ...nothing,
    polls: 1,
    listCalls: 2,
    otherCalls: 3,
    cpuMs: 10,
    readUnits: 0.5,
    writeUnits: 2,
    logBytes: 660,
  },
  finishedTask: { ...nothing, writeUnits: 6, events: 1, eventBytes: 1_000 },
  auditPerTask: { ...nothing, readUnits: 1, listCalls: 0.001 },
  rowBytes: 900,
  extraPolls: { polls: 6, seconds: 40 },
};
const resources = {
  memoryMb: 256,
  retentionDays: 90,
  archiveDays: 30,
  alarmMetrics: 8,
  alarms: 8,
  sharedAlarms: 1,
  compositeAlarms: 0,
  encryptionKeys: 0,
  dashboards: 0,
  idlePollers: 2,
  maxExtraListCallsPerDay: 25_000,
};
const partner = { name: 'test', history: 1_000, running: 20, finishedPerDay: 50, failuresPerDay: 5 };

test('a month consists of scheduled polls, finished tasks and a daily audit', () => {
  expect(scheduledUsage(partner, parts, resources)).toMatchObject({
    polls: 43_200,
    writeUnits: 43_200 * 2 + 1_500 * 6,
    readUnits: 43_200 * 0.5 + 30 * 4_500,
    listCalls: 43_200 * 2 + 30 * 4.5,
    events: 1_500,
  });
});

test('follows and nudges add polls, up to the daily limit of List calls', () => {
  // 50 tasks a day, each with six polls of two List calls and two write units.
  const month = { polls: 0, listCalls: 30 * 50 * 6 * 2, writeUnits: 30 * 50 * 6 * 2 };
  expect(extraUsage(partner, parts, resources)).toMatchObject(month);
  const most = { ...resources, maxExtraListCallsPerDay: 100 };
  expect(extraUsage(partner, parts, most)).toMatchObject({ listCalls: 30 * 100, writeUnits: 30 * 50 * 2 });
  const { listCalls } = scheduledUsage(partner, parts, resources);
  expect(monthlyUsage(partner, parts, resources).listCalls).toBe(listCalls + month.listCalls);
});

test('one invocation at a time follows any number of tasks', () => {
  const item = (finishedPerDay: number) =>
    Object.fromEntries(monthlyCost({ ...partner, finishedPerDay }, parts, resources))['Compute: follows and nudges'];
  expect(item(50)).toBeCloseTo(30 * 50 * 40 * 0.25 * 0.0000133334);
  expect(item(10_000)).toBeCloseTo(30 * 86_400 * 0.25 * 0.0000133334);
});

test('a function runs for its round trips and its CPU time', () => {
  const usage = { ...nothing, listCalls: 2, otherCalls: 3, cpuMs: 100 };
  expect(functionSeconds(usage, 1_769)).toBeCloseTo(2 * 0.2 + 3 * 0.01 + 0.1);
  expect(functionSeconds(usage, 1_769 / 2)).toBeCloseTo(2 * 0.2 + 3 * 0.01 + 0.2);
});

test('each item is usage times price', () => {
  const cost = Object.fromEntries(monthlyCost(partner, parts, resources));
  const seconds = functionSeconds(scheduledUsage(partner, parts, resources), 256);
  expect(cost).toEqual({
    'Compute: scheduled polls': expect.closeTo(seconds * 0.25 * 0.0000133334),
    'Compute: follows and nudges': expect.closeTo(30 * 50 * 40 * 0.25 * 0.0000133334),
    'Requests: schedules, nudges and function': expect.closeTo((POLLS_PER_MONTH + 30) * 1.2e-6 + 1_500 * 1.2e-6),
    'Table: writes': expect.closeTo((95_400 + 18_000) * 0.625e-6),
    'Table: reads': expect.closeTo((156_600 + 4_500) * 0.125e-6),
    'Table: storage and recovery': expect.closeTo((50 * 97 * 1_000 * 0.45) / 1e9),
    'Events and their archive': expect.closeTo(1_500e-6 + 0.0015 * 0.123),
    'Metrics: complete polls': 0.3,
    'Metrics: failed tasks': expect.closeTo((0.3 * 150) / 720),
    Alarms: expect.closeTo(0.8),
    Logs: expect.closeTo(((43_200 * 1_000 + 9_000 * 660) * 0.53) / 1e9),
    'Alerts: queue': expect.closeTo((259_200 + 450) * 0.4e-6),
    'Alerts: function and mails': expect.closeTo(150 * (0.7e-6 + 2e-5 + 0.5 * 0.25 * 0.0000133334)),
  });
  expect(assumed.lambdaLogBytesPerPoll + 660).toBe(1_000);
  expect(total(monthlyCost(partner, parts, resources))).toBeCloseTo(Object.values(cost).reduce((a, b) => a + b));
});

test('only a stack with a key has an item for it', () => {
  const without = monthlyCost(partner, parts, resources);
  const withKey = monthlyCost(partner, parts, { ...resources, encryptionKeys: 1 });
  expect(withKey.slice(0, -1)).toEqual(without);
  const requests = (43_200 * 3) / 5 + 1_500 * 4 + 150 * 5;
  expect(withKey.at(-1)).toEqual(['Encryption key', expect.closeTo(1 + (requests * 0.03) / 10_000)]);
  // The key's description and the configuration table give this price.
  expect(withKey.at(-1)?.[1]).toBeCloseTo(1.1);
});

test('a metric published in every hour costs no more than the monthly price', () => {
  const busy = { ...partner, failuresPerDay: 10_000 };
  expect(Object.fromEntries(monthlyCost(busy, parts, resources))['Metrics: failed tasks']).toBeCloseTo(0.3);
});

test('only a stack with a dashboard has an item for it', () => {
  const withOne = monthlyCost(partner, parts, { ...resources, dashboards: 1 });
  expect(Object.fromEntries(withOne).Dashboard).toBe(3);
  expect(total(withOne) - total(monthlyCost(partner, parts, resources))).toBeCloseTo(3);
});

test('a further source adds everything but the idle queue, the key and the alarm on the shared queue', () => {
  const stack = { ...resources, alarmMetrics: 9, encryptionKeys: 1, dashboards: 1 };
  const one = total(monthlyCost(partner, parts, { ...resources, alarmMetrics: 9 }));
  expect(furtherSourceCost(partner, parts, stack)).toBeCloseTo(one - 0.1 - 259_200 * 0.4e-6);

  const directory = mkdtempSync(join(tmpdir(), 'month-test-'));
  const context = { furtherSources: [{ catalog: 'AWS' }] };
  const { stacks } = synthesize({ bundle: false, validate: false, outdir: directory, context });
  const { alarmMetrics, alarms, sharedAlarms } = billedResources(template);
  expect(sharedAlarms).toBe(1);
  expect(billedResources(stacks[0]?.template)).toMatchObject({
    alarmMetrics: 2 * alarmMetrics - sharedAlarms,
    alarms: 2 * alarms - sharedAlarms,
    sharedAlarms,
  });
  rmSync(directory, { recursive: true });
});

test('there are three partners', () => {
  expect(partners.map(({ name }) => name)).toEqual(['small', 'typical', 'large']);
});

const { template } = readSynthesized(process.env.SYNTHESIZED as string, 'PartnerCentralTaskPoller');

test('reads billed resources from the synthesized stack', () => {
  expect(billedResources(template)).toMatchObject({ memoryMb: 256, retentionDays: 90, archiveDays: 30 });
});

test('counts keys', () => {
  expect(billedResources(template).encryptionKeys).toBe(0);
  const directory = mkdtempSync(join(tmpdir(), 'month-test-'));
  const { stacks } = synthesize({
    bundle: false,
    validate: false,
    outdir: directory,
    context: { customerManagedKey: true },
  });
  expect(billedResources(stacks[0]?.template).encryptionKeys).toBe(1);
  rmSync(directory, { recursive: true });
});

test('two pollers poll an idle queue, five if a maximum concurrency is set', () => {
  expect(billedResources(template).idlePollers).toBe(2);
  const [id, mapping] =
    Object.entries(template.Resources).find(([, { Type }]) => Type.endsWith('EventSourceMapping')) ?? [];
  const limited = { ...mapping, Properties: { ...mapping?.Properties, ScalingConfig: { MaximumConcurrency: 2 } } };
  const Resources = { ...template.Resources, [id as string]: limited as (typeof template.Resources)[string] };
  expect(billedResources({ Resources }).idlePollers).toBe(5);
});

test('counts alarms by the metrics they read', () => {
  const { alarmMetrics: before, dashboards } = billedResources(template);
  expect({ before, dashboards }).toEqual({ before: 9, dashboards: 0 }); // nine alarms on one metric each
  const Type = 'AWS::CloudWatch::Alarm';
  const Resources = {
    ...template.Resources,
    Simple: { Type, Properties: { MetricName: 'Errors' } },
    Formula: { Type, Properties: { Metrics: [{ Expression: 'a/b' }, { MetricStat: {} }, { MetricStat: {} }] } },
    Composite: { Type: 'AWS::CloudWatch::CompositeAlarm', Properties: {} },
    Page: { Type: 'AWS::CloudWatch::Dashboard', Properties: {} },
  };
  expect(billedResources({ Resources })).toMatchObject({
    alarmMetrics: before + 3,
    compositeAlarms: 1,
    dashboards: 1,
  });
});
