/** Faults that tests inject into a service's answers. */
import type { Call, Fault } from '../local/services/service';

export const errorAnswer = (type: string, status = 400, more: object = {}): Fault => ({
  when: 'before',
  how: { status, type, body: { __type: type, Message: `${type} on purpose`, message: `${type} on purpose`, ...more } },
});

/** Marks the test's own requests to the table. Has no effect on them. */
export const ownRequest = { ReturnConsumedCapacity: 'NONE' };
export const isFromPoller = ({ input }: Call) => input.ReturnConsumedCapacity === undefined;

/** An answer in place of the table's own. */
export const tableAnswer = (body: object): Fault => ({
  when: 'before',
  how: { status: 200, body: JSON.stringify(body) },
});
