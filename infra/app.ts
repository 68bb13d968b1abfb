/** What the CDK CLI runs (see cdk.json). */
import { ConfigurationError } from '../lambdas/poller/settings';
import { synthesize } from './synthesize';

try {
  synthesize();
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  // The message names every bad key; a stack trace would only hide it.
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}
