/**
 * Many accounts for a day, on the engine's own code with ports in memory: what the polls of one account ask of Partner
 * Central, of the table and of the bus. No service is there, so it takes no time that depends on one.
 */
import { openMemoryStack } from '../../test/in-memory/test-stack';

const MINUTE_MS = 60_000;

export interface Account {
  readonly tasksADay: number;
}

/** What the polls of some accounts asked for. */
export interface FleetUse {
  readonly accounts: number;
  readonly days: number;
  readonly polls: number;
  readonly listCalls: number;
  /** Of the account that was asked for most, a day. */
  readonly mostListCalls: number;
  /** To the table and the bus. */
  readonly otherCalls: number;
  /** Rows that were written. */
  readonly rows: number;
  readonly events: number;
}

/** Most accounts of a vendor have little to do: of a hundred, eighty start 2 tasks a day, nineteen 20, and one 500. */
export const accountOf = (at: number): Account => ({ tasksADay: at % 100 === 0 ? 500 : at % 5 === 0 ? 20 : 2 });

export async function simulateFleet(accounts: number, hours: number): Promise<FleetUse> {
  let use: FleetUse = {
    accounts,
    days: hours / 24,
    polls: 0,
    listCalls: 0,
    mostListCalls: 0,
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
      mostListCalls: Math.max(use.mostListCalls, one.listCalls / use.days),
      otherCalls: use.otherCalls + one.otherCalls,
      rows: use.rows + one.rows,
      events: use.events + one.events,
    };
  }
  return use;
}

async function simulateAccount({ tasksADay }: Account, at: number, hours: number) {
  const stack = openMemoryStack({ name: `account${at}` });
  const { store, poller, partnerCentral, dynamoDb, eventBridge } = stack;
  let rows = 0;
  dynamoDb.intercept = ({ operation, input }) => {
    if (operation === 'BatchWriteItem') rows += (input as { items: unknown[] }).items.length;
    return undefined;
  };
  const startedAt = stack.now();
  const minutes = hours * 60;
  await poller.invoke({ mode: 'poll' }); // from then on, tasks are new
  for (const service of [partnerCentral, dynamoDb, eventBridge]) service.calls.reset();
  for (let minute = 1; minute <= minutes; minute += 1) {
    stack.pass(Math.max(0, startedAt + minute * MINUTE_MS - stack.now()));
    for (const taskId of store.inProgressIds())
      if (endsAt(store.get(taskId)?.startTimeMs ?? 0, taskId) <= stack.now()) store.end(taskId, 'COMPLETE');
    for (let due = dueBy(minute - 1, tasksADay, at); due < dueBy(minute, tasksADay, at); due += 1)
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

/** How many tasks have been started by then. The accounts start theirs at different times of the day. */
const dueBy = (minute: number, tasksADay: number, at: number) =>
  Math.floor((minute * tasksADay) / 1_440 + (at % 7) / 7);

/** Half a minute to seven and a half. */
const endsAt = (startTimeMs: number, taskId: string) =>
  startTimeMs + 30_000 + ([...taskId].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 8) * MINUTE_MS;
