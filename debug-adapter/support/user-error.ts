/** A problem that the person can fix: what is wrong, where, and what to do next. */
export class UserError extends Error {
  override readonly name = 'UserError';

  /**
   * @param id stable, kebab-case, for tests and documentation (`image-not-found`)
   * @param message what is wrong and where, one sentence
   * @param hint what to do next, one sentence; empty where the message says it all
   */
  constructor(
    readonly id: string,
    message: string,
    readonly hint = '',
  ) {
    super(message);
  }

  /** Message and hint as one text for a dialog or a terminal. */
  get text(): string {
    return this.hint === '' ? this.message : `${this.message} ${this.hint}`;
  }
}
