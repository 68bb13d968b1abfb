/** `npm run tasks -- COMMAND`, as a process. */
import { endWithOutput, stopOnRequest } from './lib/process';
import { main } from './main';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'; // before the first client is made

endWithOutput();
void main(process.argv.slice(2), process, process.env, stopOnRequest()).then(exitCode => {
  if (exitCode === 130) process.exit(exitCode); // after Ctrl-C, no pause that is left may keep us
  process.exitCode = exitCode;
});
