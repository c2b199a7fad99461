// Finds a desktop VS Code on this machine.
import fs from 'node:fs';
import path from 'node:path';

/** @returns {string | undefined} the `code` command of the PATH */
export function findCodeCommand() {
  const names = process.platform === 'win32' ? ['code.cmd'] : ['code', 'code-insiders', 'codium'];
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (folder !== '' && fs.existsSync(file)) return file;
    }
  }
  return undefined;
}

/**
 * The application itself, which a test runner starts; the command of the PATH is a script beside it.
 * `VSCODE_EXE` overrides the search.
 * @returns {string | undefined}
 */
export function findDesktopCode() {
  const wanted = process.env['VSCODE_EXE'];
  if (wanted !== undefined && wanted !== '') return wanted;
  const command = findCodeCommand();
  if (command === undefined) return undefined;
  const folder = path.dirname(fs.realpathSync(command));
  const candidates = [
    path.join(folder, '../code'),
    path.join(folder, '../code-insiders'),
    path.join(folder, '../codium'),
    path.join(folder, '../Code.exe'),
    path.join(folder, '../../../MacOS/Electron'),
  ];
  return candidates.find((file) => fs.existsSync(file) && fs.statSync(file).isFile());
}
