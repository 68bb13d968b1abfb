import { PublishCommand, type PublishCommandInput, SNSClient } from '@aws-sdk/client-sns';
import { type PublishedMessage, startSns } from '../../local/services/sns';
import { clientOf } from './clients';

const TopicArn = 'arn:aws:sns:us-east-1:000000000000:task-alerts';
let sns: Awaited<ReturnType<typeof startSns>>;
let client: SNSClient;
let seen: PublishedMessage[];
const publish = (input: Partial<PublishCommandInput>) =>
  client.send(new PublishCommand({ TopicArn, Message: 'text', ...input } as PublishCommandInput));

beforeEach(async () => {
  seen = [];
  sns = await startSns({ topics: [TopicArn], onMessage: message => seen.push(message) });
  client = new SNSClient(clientOf(sns));
});
afterEach(async () => {
  client.destroy();
  await sns.close();
});

test('publishes', async () => {
  const Message = 'two lines\nwith & and <b> and é';
  const { MessageId } = await publish({ Message, Subject: `1${'x'.repeat(99)}` });
  expect(sns.messages).toEqual([
    { messageId: MessageId, topicArn: TopicArn, subject: `1${'x'.repeat(99)}`, message: Message },
  ]);
  await publish({ Message: 'x'.repeat(262_144) });
  expect(sns.messages[1]).not.toHaveProperty('subject');
  expect(seen).toEqual(sns.messages);
});

test.each<[string, Partial<PublishCommandInput>, string]>([
  ['the topic does not exist', { TopicArn: `${TopicArn}-2` }, 'NotFoundException'],
  ['the topic is no ARN', { TopicArn: 'task-alerts' }, 'InvalidParameterException'],
  ['the subject has 101 characters', { Subject: 'x'.repeat(101) }, 'InvalidParameterException'],
  ['the subject is empty', { Subject: '' }, 'InvalidParameterException'],
  ['the subject has a line break', { Subject: 'a\nb' }, 'InvalidParameterException'],
  ['the subject is not ASCII', { Subject: 'é' }, 'InvalidParameterException'],
  ['the subject begins with a space', { Subject: ' a' }, 'InvalidParameterException'],
  ['the message is empty', { Message: '' }, 'InvalidParameterException'],
  ['the message has too many bytes', { Message: 'é'.repeat(131_073) }, 'InvalidParameterException'],
])('fails when %s', async (_name, input, name) => {
  await expect(publish(input)).rejects.toMatchObject({ name, $fault: 'client' });
  expect(sns.messages).toEqual([]);
});

test('faults have the form of SNS errors', async () => {
  sns.intercept = () => ({ when: 'after', how: { status: 500, type: 'InternalError', body: { message: 'oh <no>' } } });
  await expect(publish({})).rejects.toMatchObject({ name: 'InternalErrorException', message: 'oh <no>' });
  expect(sns.messages).toHaveLength(1);
});
