// Runs another program and shows that it is still alive while it is quiet.
import { spawn } from 'node:child_process';

/**
 * @typedef {object} ProcessOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [label] shown with the elapsed time while the program runs; without it, nothing is shown
 * @property {boolean} [passThrough] true: the program writes to our terminal
 * @property {number} [timeoutMs] the program is ended after this time
 *
 * @typedef {object} ProcessResult
 * @property {number} code exit code; 127 where the program does not exist, 124 after the time-out
 * @property {string} output standard output and error, in order, where it was not passed through
 */

/**
 * @param {string} label
 * @returns {() => void} ends the display
 */
function showProgress(label) {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  if (!process.stdout.isTTY) {
    console.log(`${label} …`);
    const timer = setInterval(() => console.log(`${label} … ${seconds()} s`), 15_000);
    return () => clearInterval(timer);
  }
  const draw = () => process.stdout.write(`\r${label} … ${seconds()} s`);
  draw();
  const timer = setInterval(draw, 1000);
  return () => {
    clearInterval(timer);
    process.stdout.write(`\r${label} … done in ${seconds()} s\n`);
  };
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {ProcessOptions} [options]
 * @returns {Promise<ProcessResult>}
 */
export function runProcess(program, args, options = {}) {
  const endProgress = options.label === undefined ? () => {} : showProgress(options.label);
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: options.passThrough ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let timedOut = false;
    const collect = (/** @type {Buffer} */ chunk) => (output += chunk.toString());
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            child.kill('SIGKILL');
          }, options.timeoutMs);
    const finish = (/** @type {number} */ code) => {
      clearTimeout(timer);
      endProgress();
      resolve({ code, output });
    };
    child.once('error', () => finish(127));
    child.once('close', (code) => finish(timedOut ? 124 : (code ?? 1)));
  });
}
