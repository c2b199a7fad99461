/** The options about disks: what `--disk` and `--export-disk` say. */
import { UserError } from '../support/user-error';
import { decimal } from './decimal';

/** Between the values of an option that is given several times. */
export const valueSeparator = '\n';

/** Words behind a comma, and the launch argument that each is. */
const words: Readonly<Record<string, object>> = {
  'read-only': { readOnly: true },
  detached: { attached: false },
};

/**
 * Disks as launch.json has them, from
 * `PATH[,controller=ide][,location=N][,read-only][,detached][,write-limit=SIZE]`; a path may have commas in it.
 */
export function diskArguments(text: string): readonly object[] {
  return text.split(valueSeparator).map((value) => {
    const parts = value.split(',');
    let settings = {};
    while (parts.length > 1) {
      const found = diskSetting(parts.at(-1) ?? '');
      if (found === undefined) break;
      settings = { ...found, ...settings };
      parts.pop();
    }
    return { path: parts.join(','), ...settings };
  });
}

function diskSetting(text: string): object | undefined {
  const [key, value] = text.split('=');
  if (key === 'controller' && value !== undefined) return { controller: value };
  if (key === 'write-limit' && value !== undefined) return { writeLimit: value };
  if (key === 'location' && value !== undefined)
    return { location: decimal(value, '--disk location') };
  return words[text];
}

/** A disk that is to be written to a file after the run. */
export interface DiskExport {
  /** Index of the guest and of the disk among its own. */
  readonly guest: number;
  readonly disk: number;
  readonly path: string;
}

/**
 * What `--export-disk` asks for: `[GUEST.]DISK=PATH`, counted from 0.
 * @throws UserError where it is something else
 */
export function diskExports(text: string | undefined): readonly DiskExport[] {
  if (text === undefined) return [];
  return text.split(valueSeparator).map((value) => {
    const match = /^(?:(\d+)\.)?(\d+)=(.+)$/.exec(value);
    if (match === null) {
      throw new UserError(
        'command-line',
        `--export-disk cannot use "${value}".`,
        'Write the number of the disk, "=" and a path, for example 0=disk.vhdx.',
      );
    }
    const [, guest = '0', disk = '0', path = ''] = match;
    return { guest: Number(guest), disk: Number(disk), path };
  });
}
