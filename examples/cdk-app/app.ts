import { App } from 'aws-cdk-lib';
import { TasksStack } from './tasks-stack';

new TasksStack(new App(), 'Tasks');
