/** Answers of AWS's Query protocol, as far as the services on this machine give them. */
import { type ErrorAnswer, isObject, type Reply } from './service';

/** What becomes elements: text, or a list of members. */
export type Members = Readonly<Record<string, string | readonly Readonly<Record<string, string>>[] | undefined>>;

/** @param namespace of the service, such as http://sns.amazonaws.com/doc/2010-03-31/ */
export function queryReply(namespace: string, operation: string, result: Members): Reply {
  const body = `<${operation}Result>${elements(result)}</${operation}Result>`;
  return { status: 200, body: `<${operation}Response xmlns="${namespace}">${body}</${operation}Response>` };
}

export const queryError =
  (namespace: string) =>
  ({ status, type = 'InternalFailure', body }: ErrorAnswer): Reply => {
    if (typeof body === 'string') return { status, body };
    const message = isObject(body) ? String(body.message ?? body.Message ?? '') : '';
    const sender = status < 500 ? 'Sender' : 'Receiver';
    const error = `<Error>${elements({ Type: sender, Code: type, Message: message })}</Error>`;
    return { status, body: `<ErrorResponse xmlns="${namespace}">${error}</ErrorResponse>` };
  };

function elements(members: Members): string {
  return Object.entries(members)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const inner =
        typeof value === 'string' ? escapeXml(value) : value?.map(one => `<member>${elements(one)}</member>`);
      return `<${name}>${Array.isArray(inner) ? inner.join('') : inner}</${name}>`;
    })
    .join('');
}

function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, character => `&#${character.charCodeAt(0)};`);
}
