// `npm start`: builds Hyperscope and opens the sample guest under the debugger, or runs it in the terminal.
import path from 'node:path';
import { installDependencies } from './install-dependencies.mjs';
import { findCodeCommand } from './vscode-host/desktop-code.mjs';
import { installHost } from './vscode-host/install-host.mjs';
import { cacheFolder, root } from './vscode-host/paths.mjs';
import { runProcess } from './vscode-host/run-process.mjs';
import { startHost } from './vscode-host/server.mjs';

const usage = `Usage: npm start [-- OPTIONS]

  (none)        open the sample in your VS Code; in one in the browser without "code" on the PATH
  --browser     open it in a VS Code in the browser in any case
  --port=N      port of the browser's VS Code, 1 to 65535 (default: any free one)
  --headless    run the sample guest in this terminal
  --help        show this text`;

const workspace = path.join(root, 'guests');
const image = path.join(workspace, 'hello-partition/hello-partition.elf');
const starter = path.join(root, 'scripts/vscode-host/start-sample');

/**
 * @param {string} message
 * @returns {never}
 */
function refuse(message) {
  console.error(`${message}\n\n${usage}`);
  process.exit(2);
}

/** @param {string} text */
function parsePort(text) {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= 1 && port <= 65535) return port;
  return refuse(`"${text}" is not a port: --port wants a number from 1 to 65535.`);
}

/** @param {readonly string[]} args */
function parseOptions(args) {
  const options = { headless: false, browser: false, port: 0 };
  for (let at = 0; at < args.length; at++) {
    const [name, value] = args[at].split('=', 2);
    if (name === '--help' || name === '-h') {
      console.log(usage);
      process.exit(0);
    } else if (name === '--headless') options.headless = true;
    else if (name === '--browser') options.browser = true;
    else if (name === '--port') options.port = parsePort(value ?? args[++at] ?? '');
    else refuse(`Unknown option ${args[at]}.`);
  }
  if (options.headless && (options.browser || options.port !== 0)) {
    refuse('--headless opens no window: leave out --browser and --port.');
  }
  return options;
}

async function runHeadless() {
  const commandLine = path.join(root, 'dist/command-line.cjs');
  const { code } = await runProcess(process.execPath, [commandLine, 'run', image], {
    passThrough: true,
  });
  return code;
}

/** @param {string} command the `code` of the PATH */
async function openDesktop(command) {
  console.log(`Opening a new window of VS Code (${command}).`);
  const { code, output } = await runProcess(command, [
    '--new-window',
    `--extensionDevelopmentPath=${root}`,
    `--extensionDevelopmentPath=${starter}`,
    workspace,
  ]);
  if (code !== 0) console.error(`VS Code ended with code ${code}.\n${output}`);
  else console.log('The sample is stopped at its first instruction. F10 steps, F5 continues.');
  return code;
}

/** @param {number} port */
async function openBrowser(port) {
  await installHost();
  const host = await startHost({
    workspace,
    port,
    linkedExtensions: [root, starter],
    settings: { 'workbench.colorTheme': 'Default Dark Modern' },
    dataFolder: path.join(cacheFolder, 'start'),
  });
  console.log(`\n  VS Code is ready:  ${host.address}\n`);
  console.log('Open the address in a browser: the sample stops at its first instruction.');
  console.log('F10 steps, F5 continues. Ctrl-C here ends VS Code.');
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve('signal'));
  });
  const end = await Promise.race([interrupted, host.exited]);
  await host.stop();
  if (end === 'signal') {
    console.log('\nVS Code has ended.');
    return 0;
  }
  console.error(`VS Code's server ended by itself (code ${end}); its log is ${host.logFile}.`);
  return 1;
}

const options = parseOptions(process.argv.slice(2));
await installDependencies();
console.log('Building …');
const { buildAll } = await import('./build.mjs');
try {
  await buildAll();
} catch {
  console.error('The build failed; the errors above say where.');
  process.exit(1);
}
const command = options.browser || options.port !== 0 ? undefined : findCodeCommand();
if (options.headless) process.exitCode = await runHeadless();
else if (command !== undefined) process.exitCode = await openDesktop(command);
else process.exitCode = await openBrowser(options.port);
