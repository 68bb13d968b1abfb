/** Faults that tests put in a service's answers. */
import type { Call, Fault } from '../local/services/service';

export const errorAnswer = (type: string, status = 400, more: object = {}): Fault => ({
  when: 'before',
  how: { status, type, body: { __type: type, Message: `${type} on purpose`, message: `${type} on purpose`, ...more } },
});

/** Changes nothing, and tells our own requests to the table from the poller's. */
export const oneself = { ReturnConsumedCapacity: 'NONE' };
export const isPollers = ({ input }: Call) => input.ReturnConsumedCapacity === undefined;

/** An answer of DynamoDB that is not the table's own. */
export const tableAnswer = (body: object): Fault => ({
  when: 'before',
  how: { status: 200, body: JSON.stringify(body) },
});
