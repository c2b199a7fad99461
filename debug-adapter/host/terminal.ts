/** The terminal and files of the command line. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { UserError } from '../support/user-error';

/** Writes lines to a file. */
export interface TextFile {
  readonly write: (line: string) => void;
  readonly close: () => void;
}

const bufferedCharacters = 65_536;

/**
 * Creates or empties a file for lines of text.
 * @throws UserError where that is impossible
 */
export function openTextFile(path: string): TextFile {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'w');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('trace-file', `Cannot write ${path}: ${reason}.`);
  }
  let waiting = '';
  const flush = (): void => {
    writeSync(descriptor, waiting);
    waiting = '';
  };
  return {
    write: (line) => {
      waiting += `${line}\n`;
      if (waiting.length >= bufferedCharacters) flush();
    },
    close: () => {
      flush();
      closeSync(descriptor);
    },
  };
}

/** The terminal of this process. */
export const terminal = {
  /** Arguments behind the script's name. */
  commandArguments: process.argv.slice(2),

  writeConsole: (text: string): void => {
    process.stdout.write(text);
  },

  /** One line to standard error. */
  writeMessage: (text: string): void => {
    process.stderr.write(`${text}\n`);
  },

  /** Takes over Ctrl-C: the returned function says whether it was pressed; pressed twice it ends the process. */
  watchInterrupt: (): (() => boolean) => {
    let pressed = false;
    process.on('SIGINT', () => {
      if (pressed) process.exit(130);
      pressed = true;
    });
    return () => pressed;
  },

  /** Ends the process once what was written has been taken. */
  exit: (status: number): void => {
    process.exitCode = status;
    process.stdout.end();
  },
};
