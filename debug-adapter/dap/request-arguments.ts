/** Checked access to the arguments of a request: a wrong one is a message to the client, never a crash. */
import { UserError } from '../support/user-error';

/** Most rows that a request for the rows of a log is answered with. */
const rowsPerAnswer = 500;

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The arguments of one request, or an object inside them. */
export class RequestArguments {
  private readonly fields: Fields;

  /** @param what named in messages: the command, or the command and a path into its arguments */
  constructor(
    private readonly what: string,
    readonly raw: unknown,
  ) {
    if (raw !== undefined && raw !== null && !isFields(raw)) {
      throw new UserError('bad-arguments', `The arguments of "${what}" are no object.`);
    }
    this.fields = isFields(raw) ? raw : {};
  }

  has(name: string): boolean {
    return this.fields[name] !== undefined && this.fields[name] !== null;
  }

  string(name: string): string {
    return this.optionalString(name) ?? this.missing(name, 'a text');
  }

  optionalString(name: string): string | undefined {
    if (!this.has(name)) return undefined;
    const value = this.fields[name];
    return typeof value === 'string' ? value : this.missing(name, 'a text');
  }

  /** A whole number. */
  integer(name: string): number {
    return this.optionalInteger(name) ?? this.missing(name, 'a whole number');
  }

  optionalInteger(name: string): number | undefined {
    if (!this.has(name)) return undefined;
    const value = this.fields[name];
    return typeof value === 'number' && Number.isSafeInteger(value)
      ? value
      : this.missing(name, 'a whole number');
  }

  /** A whole number from `minimum` to `maximum`. */
  integerBetween(name: string, minimum: number, maximum: number): number {
    const value = this.integer(name);
    if (value >= minimum && value <= maximum) return value;
    throw new UserError(
      'bad-arguments',
      `"${name}" of "${this.what}" is ${value}; it must lie between ${minimum} and ${maximum}.`,
    );
  }

  boolean(name: string): boolean {
    if (!this.has(name)) return false;
    const value = this.fields[name];
    return typeof value === 'boolean' ? value : this.missing(name, 'true or false');
  }

  object(name: string): RequestArguments {
    return this.has(name)
      ? new RequestArguments(`${this.what}.${name}`, this.fields[name])
      : this.missing(name, 'an object');
  }

  /** A list of objects; empty where it is absent. */
  objects(name: string): readonly RequestArguments[] {
    return this.list(name).map(
      (item, index) => new RequestArguments(`${this.what}.${name}[${index}]`, item),
    );
  }

  /** A list of texts; empty where it is absent. */
  strings(name: string): readonly string[] {
    return this.list(name).map((item) =>
      typeof item === 'string' ? item : this.missing(name, 'a list of texts'),
    );
  }

  /** A list of whole numbers; undefined where it is absent. */
  optionalIntegers(name: string): readonly number[] | undefined {
    if (!this.has(name)) return undefined;
    return this.list(name).map((item) =>
      typeof item === 'number' && Number.isSafeInteger(item)
        ? item
        : this.missing(name, 'a list of whole numbers'),
    );
  }

  optionalStrings(name: string): readonly string[] | undefined {
    if (!this.has(name)) return undefined;
    return this.list(name).map((item) =>
      typeof item === 'string' ? item : this.missing(name, 'a list of texts'),
    );
  }

  /** Which rows of a log are asked for. */
  rows(): { readonly start: number; readonly count: number } {
    return {
      start: this.integerBetween('start', 0, Number.MAX_SAFE_INTEGER),
      count: this.integerBetween('count', 0, rowsPerAnswer),
    };
  }

  private list(name: string): readonly unknown[] {
    if (!this.has(name)) return [];
    const value = this.fields[name];
    return Array.isArray(value) ? value : this.missing(name, 'a list');
  }

  private missing(name: string, wanted: string): never {
    throw new UserError('bad-arguments', `"${this.what}" needs ${wanted} as "${name}".`);
  }
}
