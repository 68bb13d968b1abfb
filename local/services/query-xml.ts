/** Answers of AWS's Query protocol, as far as the local services need them. */
import { randomUUID } from 'node:crypto';
import { type ErrorAnswer, isObject, type Reply } from './service';

/** Rendered as elements: a text, an object with members, or a list of objects. */
export interface Members {
  readonly [name: string]: string | Members | readonly Members[] | undefined;
}

/** @param namespace of the service, such as http://sns.amazonaws.com/doc/2010-03-31/ */
export function queryReply(namespace: string, operation: string, result: Members): Reply {
  const body = elements({ [`${operation}Result`]: result, ResponseMetadata: { RequestId: randomUUID() } });
  return { status: 200, body: `<${operation}Response xmlns="${namespace}">${body}</${operation}Response>` };
}

export const queryError =
  (namespace: string) =>
  ({ status, type = 'InternalFailure', body }: ErrorAnswer): Reply => {
    if (typeof body === 'string') return { status, body };
    const message = isObject(body) ? String(body.message ?? body.Message ?? '') : '';
    const Type = status < 500 ? 'Sender' : 'Receiver';
    const error = elements({ Error: { Type, Code: type, Message: message } });
    return { status, body: `<ErrorResponse xmlns="${namespace}">${error}</ErrorResponse>` };
  };

const elements = (members: Members): string =>
  Object.entries(members)
    .map(([name, value]) => (value === undefined ? '' : `<${name}>${content(value)}</${name}>`))
    .join('');

function content(value: string | Members | readonly Members[]): string {
  if (typeof value === 'string') return escapeXml(value);
  return isList(value) ? value.map(member => elements({ member })).join('') : elements(value);
}

const isList = (value: Members | readonly Members[]): value is readonly Members[] => Array.isArray(value);

function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, character => `&#${character.charCodeAt(0)};`);
}
