/** The text around what commander writes by itself. */
import { examples } from './command';

export const exitCodes =
  '\nExit codes: 0 done, 1 something is wrong or failed, 2 the command line is wrong, 130 Ctrl-C.\n';

export const wholeHelp = `${examples(
  'npm run tasks -- doctor                          is everything all right?',
  'npm run tasks -- status                          last poll, running tasks',
  'npm run tasks -- list --status FAILED --since 24h',
  'npm run tasks -- show task-xxxxxxxxxxxxx         everything about one task',
  'npm run tasks -- status --local                  of npm start in another terminal',
  "npm run --silent tasks -- list --json | jq '.[].taskId'",
)}

Put -- before the command: without it, npm takes the options for its own.
npm run tasks -- COMMAND --help shows the options of a command, with examples.
${exitCodes}DEBUG=1 shows where an error comes from.
`;
