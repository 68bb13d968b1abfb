/** A stand-in for SNS: Publish in AWS's Query protocol, with the service's validation. */
import { randomUUID } from 'node:crypto';
import { queryError, queryReply } from './query-xml';
import { Refusal, type ServiceOptions, startService } from './service';

export interface PublishedMessage {
  messageId: string;
  topicArn: string;
  subject?: string;
  message: string;
}

export interface SnsOptions extends ServiceOptions {
  /** ARNs of existing topics. By default every well-formed topic ARN exists. */
  topics?: string[] | undefined;
  onMessage?: ((message: PublishedMessage) => void) | undefined;
}

export async function startSns(options: SnsOptions = {}) {
  const messages: PublishedMessage[] = [];
  const service = await startService({
    ...options,
    name: 'sns',
    contentType: 'text/xml',
    renderError: queryError(namespace),
    handle: ({ operation, input }) => {
      if (operation !== 'Publish')
        throw new Refusal({ status: 400, type: 'InvalidAction', body: { message: `No operation ${operation}.` } });
      const published = check(input as Record<string, string>, options.topics);
      messages.push(published);
      options.onMessage?.(published);
      return queryReply(namespace, operation, { MessageId: published.messageId });
    },
  });
  return Object.assign(service, { messages });
}

function check(form: Record<string, string>, topics: string[] | undefined): PublishedMessage {
  const topicArn = form.TopicArn ?? form.TargetArn ?? '';
  const { Subject: subject, Message: message = '' } = form;
  if (!/^arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w-]{1,256}$/.test(topicArn)) throw invalid('TopicArn');
  if (topics && !topics.includes(topicArn))
    throw new Refusal({ status: 404, type: 'NotFound', body: { message: 'Topic does not exist' } });
  // https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: ASCII, no line breaks or control characters.
  if (subject !== undefined && !/^[!-~][ -~]{0,99}$/.test(subject)) throw invalid('Subject');
  if (message === '') throw invalid('Empty message');
  if (Buffer.byteLength(message) > 262_144) throw invalid('Message too long');
  return { messageId: randomUUID(), topicArn, ...(subject !== undefined && { subject }), message };
}

function invalid(what: string) {
  return new Refusal({ status: 400, type: 'InvalidParameter', body: { message: `Invalid parameter: ${what}` } });
}

const namespace = 'http://sns.amazonaws.com/doc/2010-03-31/';
