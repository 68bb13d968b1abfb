/** Something outside the program keeps it from running; the message says what to do and needs no stack trace. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}
