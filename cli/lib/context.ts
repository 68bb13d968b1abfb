/** What a command has of the world besides AWS. */
export interface Context {
  /** Whether standard output is to be JSON and nothing else. */
  readonly json: boolean;
  /** Goes off at Ctrl-C. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** One line to standard output. */
  readonly print: (line: string) => void;
  /** Text to standard output as it is. Resolves when it is written, rejects when the reader is gone. */
  readonly write: (text: string) => Promise<void>;
  /** Characters that a line may have: the terminal's, and any number where there is none. */
  readonly lineWidth: number;
  /** One line to standard error: what is no result. */
  readonly note: (line: string) => void;
  /** Shows the progress of a long command: one line on standard error that is written over, on a terminal only. */
  readonly progress: (text: string) => void;
  /** Asks a person; false at once where there is none to ask. */
  readonly confirm: (question: string) => Promise<boolean>;
  /** Asks a person for a text that the terminal does not show; undefined at once where there is none to ask. */
  readonly ask: (question: string) => Promise<string | undefined>;
}

/** A command that can't do what it was asked to: the message is one sentence that says what to do. Exit code 1. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
