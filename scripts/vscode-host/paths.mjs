// Where the real VS Code of the tests lives, and which version it is.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/** Everything that may be deleted at will and is made again when missing. */
export const cacheFolder = path.join(root, '.cache');

/** The package that carries a complete VS Code server and workbench: this is VS Code 1.100.3. */
export const hostPackage = { name: 'code-server', version: '4.100.3' };

export const hostFolder = path.join(cacheFolder, `vscode-host-${hostPackage.version}`);

/** The Code-OSS server inside the package. */
export const serverFolder = path.join(hostFolder, 'node_modules/code-server/lib/vscode');

export const serverMain = path.join(serverFolder, 'out/server-main.js');
