/** Opens a guest program under the debugger: reads it, builds the machine, indexes its symbols. */
import type { AssemblySyntax } from '../backends/disassembler';
import type { CodeHost } from '../machine/code-space';
import { configureSingleGuest } from '../system/machine-configuration';
import { PhysicalMachine } from '../system/physical-machine';
import type { DebuggedMachine } from './debugged-machine';
import { CodeReader } from './inspection/code-reader';
import { MachineControl, type DebuggerPorts } from './machine-control';
import { HeadlessRun } from './headless-run';
import { openProgram, readProgramFile, type Program } from './program';
import type { SourcePathRule } from './symbols/source-paths';

/** What is to be run. */
export interface TargetSettings {
  readonly program: string;
  readonly partitionName: string;
  readonly memoryBytes: number;
  readonly commandLine: string;
  readonly sourceMap: readonly SourcePathRule[];
  readonly disassemblySyntax: AssemblySyntax;
}

/** Services of the host, among them the one that runs generated code. */
export interface TargetPorts extends DebuggerPorts {
  readonly codeHost: CodeHost;
}

/** A program and the way to put it into a new machine. */
interface LoadedTarget {
  readonly program: Program;
  readonly createMachine: () => DebuggedMachine;
}

function loadTarget(settings: TargetSettings, ports: TargetPorts): LoadedTarget {
  const { program: path, partitionName: name, memoryBytes, commandLine } = settings;
  const bytes = readProgramFile(path, ports.files);
  const configuration = configureSingleGuest({
    name,
    memoryBytes,
    image: { bytes, path },
    commandLine,
  });
  const create = (): DebuggedMachine =>
    new PhysicalMachine(configuration, { codeHost: ports.codeHost });
  // The loader judges the image first: its messages say more than those of the symbol reader.
  let first: DebuggedMachine | undefined = create();
  const program = openProgram(path, bytes, settings.sourceMap, ports.files);
  const createMachine = (): DebuggedMachine => {
    const machine = first ?? create();
    first = undefined;
    return machine;
  };
  return { program, createMachine };
}

/**
 * Builds a machine with the guest loaded, stopped before its first instruction.
 * @throws UserError where the program cannot be read or run
 */
export function openTarget(settings: TargetSettings, ports: TargetPorts): MachineControl {
  return new MachineControl(
    { ...loadTarget(settings, ports), syntax: settings.disassemblySyntax },
    ports,
  );
}

/**
 * Builds a machine with the guest loaded, to be run without a debugger.
 * @throws UserError where the program cannot be read or run
 */
export function openHeadless(settings: TargetSettings, ports: TargetPorts): HeadlessRun {
  const { program, createMachine } = loadTarget(settings, ports);
  const code = new CodeReader(ports.disassembler, program.symbols, settings.disassemblySyntax);
  return new HeadlessRun(createMachine(), program, code);
}
