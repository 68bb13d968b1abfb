/** Entry point of the CDK CLI (see cdk.json). */
import { ConfigurationError } from '../lambdas/poller/configuration-error';
import { synthesize } from './synthesize';

try {
  synthesize();
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  // The message names every bad key. A stack trace would bury it.
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}
