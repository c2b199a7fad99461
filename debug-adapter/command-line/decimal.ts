/** Whole numbers in options. */
import { UserError } from '../support/user-error';

/** The number that digits alone write; undefined where it is another text, or too large to be exact. */
export function decimalNumber(text: string): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}

/**
 * A number as a person writes it; whether it is in range is for the launch arguments to say.
 * @throws UserError where it is none
 */
export function decimal(text: string, option: string): number {
  const value = decimalNumber(text);
  if (value !== undefined) return value;
  throw new UserError(
    'command-line',
    `${option} needs a whole number, not "${text}".`,
    'See hyperscope --help.',
  );
}
