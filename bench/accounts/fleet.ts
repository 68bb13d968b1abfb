/**
 * Simulates many accounts with the engine's own code on in-memory ports. Counts the calls to Partner Central, the table
 * and the bus.
 */
import { openMemoryStack } from '../../test/in-memory/test-stack';

const MINUTE_MS = 60_000;

export interface Account {
  readonly tasksPerDay: number;
}

/** Calls, rows and events of the simulated accounts. */
export interface FleetUse {
  readonly accounts: number;
  readonly days: number;
  readonly polls: number;
  readonly listCalls: number;
  /** Per day, of the account with the most calls. */
  readonly maxListCalls: number;
  /** To the table and the bus. */
  readonly otherCalls: number;
  /** Number of rows written. */
  readonly rows: number;
  readonly events: number;
}

/** Typical mix of a vendor: of 100 accounts, 80 start 2 tasks a day, 19 start 20, and one starts 500. */
export const accountOf = (at: number): Account => ({ tasksPerDay: at % 100 === 0 ? 500 : at % 5 === 0 ? 20 : 2 });

export async function simulateFleet(accounts: number, hours: number): Promise<FleetUse> {
  let use: FleetUse = {
    accounts,
    days: hours / 24,
    polls: 0,
    listCalls: 0,
    maxListCalls: 0,
    otherCalls: 0,
    rows: 0,
    events: 0,
  };
  for (let at = 0; at < accounts; at += 1) {
    const one = await simulateAccount(accountOf(at), at, hours);
    use = {
      ...use,
      polls: use.polls + one.polls,
      listCalls: use.listCalls + one.listCalls,
      maxListCalls: Math.max(use.maxListCalls, one.listCalls / use.days),
      otherCalls: use.otherCalls + one.otherCalls,
      rows: use.rows + one.rows,
      events: use.events + one.events,
    };
  }
  return use;
}

async function simulateAccount({ tasksPerDay }: Account, at: number, hours: number) {
  const stack = openMemoryStack({ name: `account${at}` });
  const { store, poller, partnerCentral, dynamoDb, eventBridge } = stack;
  let rows = 0;
  dynamoDb.intercept = ({ operation, input }) => {
    if (operation === 'BatchWriteItem') rows += (input as { items: unknown[] }).items.length;
    return undefined;
  };
  const startedAt = stack.now();
  const minutes = hours * 60;
  await poller.invoke({ mode: 'poll' }); // sets the emission floor
  for (const service of [partnerCentral, dynamoDb, eventBridge]) service.calls.reset();
  for (let minute = 1; minute <= minutes; minute += 1) {
    stack.pass(Math.max(0, startedAt + minute * MINUTE_MS - stack.now()));
    for (const taskId of store.inProgressIds())
      if (endsAt(store.get(taskId)?.startTimeMs ?? 0, taskId) <= stack.now()) store.end(taskId, 'COMPLETE');
    for (let due = dueBy(minute - 1, tasksPerDay, at); due < dueBy(minute, tasksPerDay, at); due += 1)
      store.add({ startTimeMs: stack.now() - 20_000 });
    const { error } = await poller.invoke({ mode: minute % 1_440 === 720 ? 'audit' : 'poll' });
    if (error) throw error;
  }
  return {
    polls: minutes,
    listCalls: partnerCentral.calls.total,
    otherCalls: dynamoDb.calls.total + eventBridge.calls.total,
    rows,
    events: eventBridge.events.length,
  };
}

/** Number of tasks started by that minute. Accounts start theirs at different times of the day. */
const dueBy = (minute: number, tasksPerDay: number, at: number) =>
  Math.floor((minute * tasksPerDay) / 1_440 + (at % 7) / 7);

/** A task takes 0.5 to 7.5 minutes. */
const endsAt = (startTimeMs: number, taskId: string) =>
  startTimeMs + 30_000 + ([...taskId].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8) * MINUTE_MS;
