import type * as v from 'valibot';
import type { configEntries } from './config';

type Input = v.InferInput<v.StrictObjectSchema<typeof configEntries, undefined>>;

export type TaskPollerSettings = Omit<
  Input,
  'stackName' | 'tags' | 'permissionsBoundary' | 'existingTableName' | 'existingEventBusName' | 'alarmTopicArns'
>;
