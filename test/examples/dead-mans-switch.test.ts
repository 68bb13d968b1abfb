/** The example as it deploys: what is in its stack, and its bundle at work on a heartbeat. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { synthesize } from '../../examples/dead-mans-switch/app';
import { type Heartbeats, heartbeat, silentPollers } from '../../examples/dead-mans-switch/heartbeats';
import { METRICS_NAMESPACE, metricNames } from '../../lambdas/poller/metrics';
import { jsonReply, startService } from '../../local/services/service';
import { all, permissions, properties } from '../infra/read-template';
import { synthesizedExample } from './synthesized';

const further = 'PartnerCentralTaskPoller-AWS-EngagementFromOpportunity';
const context = { switchUrl: 'https://switch.example.com/ping/1', pollers: `PartnerCentralTaskPoller,${further}` };
const example = synthesizedExample(synthesize, context);
const { template, synthesizeWith } = example;

test.each<[what: string, heartbeats: Heartbeats, silent: string[]]>([
  ['all are heard of', { a: [1, 1], b: [1] }, []],
  ['one has no values', { a: [1], b: [] }, ['b']],
  ['one has only zeros', { a: [0, 0], b: [0, 1] }, ['a']],
  ['one is not in the answer', { b: [1] }, ['a']],
  ['nothing is in the answer', {}, ['a', 'b']],
])('if %s, the silent ones are named', (_, heartbeats, silent) => {
  expect(silentPollers(['a', 'b'], heartbeats)).toEqual(silent);
});

describe('the stack', () => {
  test.each<[wrong: Readonly<Record<string, string | undefined>>, problem: string]>([
    [{ switchUrl: undefined }, 'switchUrl: got undefined, allowed: an address with https'],
    [
      { switchUrl: 'http://switch.example.com' },
      'switchUrl: got "http://switch.example.com", allowed: an address with https',
    ],
    [{ pollers: 'one, two' }, 'pollers: got "one, two", allowed: names of pollers, separated by commas'],
    [{ windowMinutes: '0' }, 'windowMinutes: got "0", allowed: a number of minutes from 1 to 9999'],
  ])('fails with %j: says what to give', (wrong, problem) => {
    expect(() => synthesizeWith(wrong)).toThrow(problem);
  });

  test('the switch is told every five minutes, and never late', () => {
    expect(properties('AWS::Scheduler::Schedule', 'Schedule', template)).toMatchObject({
      ScheduleExpression: 'rate(5 minutes)',
      Target: { Arn: '{Function.Arn}', RetryPolicy: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 1 } },
    });
    expect(Object.values(all('AWS::Lambda::EventInvokeConfig', template))).toMatchObject([
      { Properties: { MaximumEventAgeInSeconds: 300, MaximumRetryAttempts: 1 } },
    ]);
  });

  test('each role may do what it has to, and nothing else', () => {
    expect(permissions('Role', template)).toEqual([
      'cloudwatch:GetMetricData on *',
      'logs:CreateLogStream, logs:PutLogEvents on {Logs.Arn}',
    ]);
    expect(permissions('SchedulerRole', template)).toEqual([
      'lambda:InvokeFunction on {Function.Arn}',
      'lambda:InvokeFunction on {Function.Arn}:*',
    ]);
    expect(Object.keys(all('AWS::IAM::Role', template))).toHaveLength(2);
  });
});

test('it reads the metric that the poller writes', () => {
  expect(heartbeat).toEqual({ namespace: METRICS_NAMESPACE, metricName: metricNames.heartbeat, dimension: 'service' });
});

describe('at work', () => {
  let cloudWatch: Awaited<ReturnType<typeof startCloudWatch>>;
  let host: ReturnType<typeof example.host>;
  let server: Server;
  const atSwitch = { requests: [] as string[], status: 200 };

  beforeAll(async () => {
    cloudWatch = await startCloudWatch();
    server = createServer((request, response) => {
      atSwitch.requests.push(`${request.method} ${request.url}`);
      response.writeHead(atSwitch.status).end();
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    host = example.host(
      'Function',
      {},
      {
        SWITCH_URL: `http://127.0.0.1:${port}/ping/1`,
        AWS_ENDPOINT_URL_CLOUDWATCH: cloudWatch.url,
        AWS_MAX_ATTEMPTS: '1',
      },
    );
  });
  afterAll(async () => {
    await host.kill();
    await Promise.all([cloudWatch.close(), new Promise(resolve => server.close(resolve))]);
  });
  beforeEach(() => {
    Object.assign(atSwitch, { requests: [], status: 200 });
    cloudWatch.intercept = undefined;
    cloudWatch.polls.length = 0;
  });

  const minutesAgo = (minutes: number) => Date.now() - minutes * 60_000;
  const polled = (service: string, minutes: number) => cloudWatch.polls.push({ service, at: minutesAgo(minutes) });

  test('it tells the switch while every poller completes polls', async () => {
    polled('PartnerCentralTaskPoller', 1);
    polled(further, 10);
    expect((await host.invoke({})).result).toEqual({ told: true, silent: [] });
    expect(atSwitch.requests).toEqual(['POST /ping/1']);
  });

  test('fails when one poller of two is silent for longer than the window: the switch is not told, and the log says which', async () => {
    polled('PartnerCentralTaskPoller', 1);
    polled(further, 20);
    expect((await host.invoke({})).result).toEqual({ told: false, silent: [further] });
    expect(atSwitch.requests).toEqual([]);
    expect(host.logs.join()).toContain(further);
  });

  test('fails when CloudWatch refuses: the switch is not told', async () => {
    polled('PartnerCentralTaskPoller', 1);
    polled(further, 1);
    cloudWatch.intercept = () => ({ when: 'before', how: { status: 400, type: 'AccessDeniedException' } });
    expect((await host.invoke({})).error?.name).toBe('AccessDeniedException');
    expect(atSwitch.requests).toEqual([]);
  });

  test('fails when the switch refuses: Lambda tries it once more', async () => {
    polled('PartnerCentralTaskPoller', 1);
    polled(further, 1);
    atSwitch.status = 500;
    expect((await host.invoke({})).error?.message).toBe('The switch answered 500');
  });
});

/** GetMetricData on this machine, of one metric: a poll counts in its minute. Without one, there is no value. */
async function startCloudWatch() {
  const polls: { service: string; at: number }[] = [];
  const service = await startService({
    name: 'cloudwatch',
    contentType: 'application/x-amz-json-1.0',
    handle: ({ input }) => {
      const { StartTime, EndTime, MetricDataQueries } = input as {
        StartTime: number;
        EndTime: number;
        MetricDataQueries: {
          Id: string;
          MetricStat: {
            Metric: { Namespace: string; MetricName: string; Dimensions: { Name: string; Value: string }[] };
          };
        }[];
      };
      return jsonReply({
        MetricDataResults: MetricDataQueries.map(({ Id, MetricStat: { Metric } }) => {
          const isHeartbeat = Metric.Namespace === METRICS_NAMESPACE && Metric.MetricName === metricNames.heartbeat;
          const found = polls.filter(
            ({ service: name, at }) =>
              isHeartbeat &&
              Metric.Dimensions.some(({ Name, Value }) => Name === 'service' && Value === name) &&
              at / 1_000 >= StartTime &&
              at / 1_000 < EndTime,
          );
          return {
            Id,
            StatusCode: 'Complete',
            Timestamps: found.map(({ at }) => at / 1_000),
            Values: found.map(() => 1),
          };
        }),
      });
    },
  });
  return Object.assign(service, { polls });
}
