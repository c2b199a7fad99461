/** The terminal and files of the command line. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { UserError } from '../support/user-error';

/** Writes lines to a file. */
export interface TextFile {
  readonly write: (line: string) => void;
  readonly close: () => void;
}

/** Keys of a terminal as they are pressed. */
export interface Keyboard {
  /** Bytes since the last call. */
  take(): Uint8Array;
  /** True once the key to leave was pressed. */
  wantsToLeave(): boolean;
  /** Calls `listener` for each key, so that a program that waits need not look again and again. */
  onKey(listener: () => void): void;
  /** Gives the terminal back as it was. */
  close(): void;
}

/** Ctrl-], as telnet and virsh have it. */
const leaveKey = 0x1d;

/** Takes the keyboard of this terminal, key by key and without echo; undefined where there is none. */
export function openKeyboard(): Keyboard | undefined {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) return undefined;
  let waiting: Uint8Array[] = [];
  let leaves = false;
  let notify = (): void => undefined;
  stdin.setRawMode(true);
  stdin.on('data', (data: Buffer) => {
    const end = data.indexOf(leaveKey);
    leaves ||= end >= 0;
    waiting.push(end < 0 ? data : data.subarray(0, end));
    notify();
  });
  return {
    take: () => {
      const taken = Buffer.concat(waiting);
      waiting = [];
      return taken;
    },
    wantsToLeave: () => leaves,
    onKey: (listener) => {
      notify = listener;
    },
    close: () => {
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
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
    // A write of nothing goes all the way to the system as well.
    if (text !== '') process.stdout.write(text);
  },

  writeConsoleBytes: (bytes: Uint8Array): void => {
    process.stdout.write(bytes);
  },

  /** True where a line on standard error can be written over. */
  showsProgress: process.stderr.isTTY,

  /** Shows a line in place of the last one; an empty one takes it away. */
  writeProgress: (text: string): void => {
    process.stderr.write(`\r\x1b[K${text}`);
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
