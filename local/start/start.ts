/** `npm start`, as a process: its streams, its signals and its exit code. */
import { stopWhenUnwanted } from '../../cli/lib/process';
import { main } from './main';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'; // before the first client is made

void main(process.argv.slice(2), process, process.env, stopWhenUnwanted()).then(exitCode => {
  process.exitCode = exitCode;
});
