/**
 * Has the debug adapter fill its cache before the first session needs it: a process of low priority, once for each
 * version and engine. Nobody waits for it, and a session that starts meanwhile finds each file whole or absent.
 */
import { fork } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { errorText } from '../presentation/error-text';
import { preparedFor, reasonNotToPrepare } from './preparation-due';

/** At a low priority it may have to wait for long, but not for ever. */
const timeoutMs = 300_000;
/** Of what a process that fails says. */
const maxMessageLength = 4000;

/**
 * VS Code starts adapters of the runtime "node" so. Compiled code is kept by the arguments of the engine too, and must be
 * found by those that VS Code starts.
 */
const isElectron =
  process.versions.electron !== undefined || Boolean(process.env['ELECTRON_RUN_AS_NODE']);
const engineArguments = isElectron
  ? ['-e', 'delete process.env.ELECTRON_RUN_AS_NODE;require(process.argv[1])']
  : [];

export interface PreparationFiles {
  /** The debug adapter's bundle. */
  readonly program: string;
  /** Version of the extension. */
  readonly version: string;
  /**
   * Says what the program was prepared for; on the computer whose cache that is. VS Code's own memory of an
   * extension is where the window is, which may be another one.
   */
  readonly record: string;
}

export class AdapterPreparation {
  constructor(
    private readonly files: PreparationFiles,
    private readonly log: Pick<vscode.LogOutputChannel, 'info' | 'error'>,
  ) {}

  /** Prepares the program if that is due; what goes wrong stands in the log. */
  async run(): Promise<void> {
    try {
      const wanted = await this.wanted();
      const settings = vscode.workspace.getConfiguration('hyperscope');
      const reason = reasonNotToPrepare({
        isTrusted: vscode.workspace.isTrusted,
        isWanted: settings.get<boolean>('prepareOnActivation', true),
        debugServerPort: settings.get<number>('debugServerPort', 0),
        wanted,
        done: await readFile(this.files.record, 'utf8').catch(() => undefined),
      });
      if (reason !== undefined) {
        this.log.info(`The debug adapter is not prepared. ${reason}`);
        return;
      }
      this.log.info(`Preparing the debug adapter for its first session: ${wanted}`);
      const startMs = performance.now();
      await this.prepare();
      await mkdir(dirname(this.files.record), { recursive: true });
      await writeFile(this.files.record, wanted);
      this.log.info(`The debug adapter is prepared, after ${since(startMs)} ms.`);
    } catch (error) {
      this.log.error(`The debug adapter cannot be prepared: ${errorText(error)}`);
    }
  }

  private async wanted(): Promise<string> {
    const { size, mtimeMs: changedMs } = await stat(this.files.program);
    const { versions, arch: architecture, env } = process;
    const nodeOptions = env['NODE_OPTIONS'];
    return preparedFor({
      version: this.files.version,
      ...{ size, changedMs, versions, architecture, nodeOptions },
    });
  }

  private prepare(): Promise<void> {
    return new Promise((resolve, reject) => {
      const child = fork(this.files.program, ['--prepare'], {
        execArgv: engineArguments,
        silent: true,
        timeout: timeoutMs,
      });
      lowerPriority(child.pid);
      let said = '';
      child.stderr?.on('data', (text: Buffer) => {
        if (said.length < maxMessageLength) said += text.toString();
      });
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (code === 0) resolve();
        else reject(new Error(`it ended with ${code ?? signal}. ${said}`.trim()));
      });
    });
  }
}

function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended, or the system does not allow it.
  }
}

function since(startMs: number): number {
  return Math.round(performance.now() - startMs);
}
