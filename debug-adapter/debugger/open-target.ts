/** Opens a guest program under the debugger: reads it, builds the machine, indexes its symbols. */
import type { AssemblySyntax } from '../backends/disassembler';
import type { CodeHost } from '../machine/code-space';
import { configureSingleGuest } from '../system/machine-configuration';
import { PhysicalMachine } from '../system/physical-machine';
import { CodeReader } from './inspection/code-reader';
import { MachineControl, type DebuggerPorts, type DebugTarget } from './machine-control';
import { HeadlessRun } from './headless-run';
import { openProgram, readProgramFile } from './program';
import type { SourcePathRule } from './symbols/source-paths';

/** What is to be run. */
export interface TargetSettings {
  readonly program: string;
  readonly partitionName: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
  readonly sourceMap: readonly SourcePathRule[];
  readonly disassemblySyntax: AssemblySyntax;
  readonly isPaced: boolean;
}

/** Services of the host, among them the one that runs generated code. */
export interface TargetPorts extends DebuggerPorts {
  readonly codeHost: CodeHost;
}

/**
 * Reads the program and builds a machine with it, stopped before its first instruction.
 * @throws UserError where the program cannot be read or run
 */
export function loadTarget(settings: TargetSettings, ports: TargetPorts): DebugTarget {
  const { program: path, partitionName: name, memoryBytes, commandLine } = settings;
  const bytes = readProgramFile(path, ports.files);
  const image = { bytes, path };
  // The loader judges the image first: its messages say more than those of the symbol reader.
  const configuration = configureSingleGuest({ name, memoryBytes, image, commandLine });
  const machine = new PhysicalMachine(configuration, { codeHost: ports.codeHost });
  const program = openProgram(path, bytes, settings.sourceMap, ports.files);
  return { program, machine, syntax: settings.disassemblySyntax, isPaced: settings.isPaced };
}

/**
 * Opens a program under the debugger.
 * @throws UserError where the program cannot be read or run
 */
export function openTarget(settings: TargetSettings, ports: TargetPorts): MachineControl {
  return new MachineControl(loadTarget(settings, ports), ports);
}

/**
 * Opens a program to be run without a debugger.
 * @throws UserError where the program cannot be read or run
 */
export function openHeadless(settings: TargetSettings, ports: TargetPorts): HeadlessRun {
  const { program, machine, syntax } = loadTarget(settings, ports);
  return new HeadlessRun(
    machine,
    program,
    new CodeReader(ports.disassembler, program.symbols, syntax),
  );
}
