/** Entry point of the extension: makes its parts, joins them, and registers the table of commands. */
import * as vscode from 'vscode';
import { debugType } from '../debug-adapter/protocol/custom-requests';
import {
  addEventBreakpoint,
  breakOnEvent,
  breakOnExit,
  breakOnHypercall,
  editEventCondition,
  type EventGroupTarget,
  type EventTarget,
} from './commands/breakpoint-commands';
import { BreakpointProblems } from './debug/breakpoint-problems';
import { DiskCommands, type DiskTarget } from './commands/disk-commands';
import { GuestCommands } from './commands/guest-commands';
import {
  deletePartition,
  protectPages,
  restorePartition,
  savePartition,
  setPartitionPaused,
  startPartition,
  type PartitionTarget,
} from './commands/partition-commands';
import { IntegrationCommands } from './commands/integration-commands';
import { stepByInstruction } from './commands/stepping-commands';
import { restoreMachine, saveMachine } from './commands/save-commands';
import { goToPosition } from './commands/travel-commands';
import { AdapterDescriptorFactory } from './debug/adapter-descriptor-factory';
import { AdapterPreparation, type PreparationFiles } from './debug/adapter-preparation';
import { GuestCatalogue } from './debug/guest-catalogue';
import { GuestConfigurationProvider } from './debug/guest-configuration-provider';
import { HyperscopeSessions } from './debug/hyperscope-sessions';
import { showInstruction } from './debug/instruction-location';
import { ListingProvider, listingScheme } from './debug/listing-provider';
import { startLanguageClient } from './language/client';
import { EventLogView } from './panels/event-log/event-log-view';
import { ExitLogView } from './panels/exit-log/exit-log-view';
import type { RowTarget } from './panels/log-requests';
import { VmbusTrafficView } from './panels/vmbus-traffic/traffic-view';
import { VmcsInspectorView } from './panels/vmcs-inspector/vmcs-inspector-view';
import { EventBreakpointsView } from './views/event-breakpoints-view';
import { GuestTerminals } from './views/guest-terminals';
import type { ProcessorNode } from './views/partition-items';
import { PartitionsView } from './views/partitions-view';
import { SessionStatus } from './views/session-status';

/** Command name without its prefix → what it does. */
type CommandTable = Readonly<Record<string, (...args: never[]) => unknown>>;

export function activate(context: vscode.ExtensionContext): void {
  const catalogue = new GuestCatalogue(context.extensionUri);
  const sessions = new HyperscopeSessions();
  const vmcsInspector = new VmcsInspectorView(context.extensionUri, sessions);
  const vmbusTraffic = new VmbusTrafficView(context.extensionUri, sessions);
  const exitLog = new ExitLogView(context.extensionUri, sessions, vmcsInspector);
  const eventLog = new EventLogView(context.extensionUri, sessions);
  const partitions = new PartitionsView(sessions);
  const integration = new IntegrationCommands(sessions, () => partitions.update());
  const breakpointProblems = new BreakpointProblems();
  const eventBreakpoints = new EventBreakpointsView(breakpointProblems);
  const configurations = new GuestConfigurationProvider(catalogue);
  const commands = commandTable(new GuestCommands(catalogue), sessions, {
    exitLog,
    vmcsInspector,
    vmbusTraffic,
    eventLog,
  });
  // A server that cannot start has told the person so itself; debugging works without it.
  startLanguageClient(context).catch(() => undefined);
  const log = vscode.window.createOutputChannel('Hyperscope', { log: true });
  const preparation = new AdapterPreparation(filesOfPreparation(context), log);
  void preparation.run();
  context.subscriptions.push(
    log,
    vscode.workspace.onDidGrantWorkspaceTrust(() => preparation.run()),
    sessions,
    exitLog,
    vmcsInspector,
    partitions,
    breakpointProblems,
    eventBreakpoints,
    vmbusTraffic,
    eventLog,
    new SessionStatus(sessions),
    new GuestTerminals(),
    vscode.debug.registerDebugConfigurationProvider(debugType, configurations),
    vscode.debug.registerDebugConfigurationProvider(
      debugType,
      configurations,
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.debug.registerDebugAdapterDescriptorFactory(debugType, new AdapterDescriptorFactory()),
    vscode.workspace.registerTextDocumentContentProvider(
      listingScheme,
      new ListingProvider(sessions),
    ),
    ...Object.entries({
      ...commands,
      ...breakpointTable(sessions, eventBreakpoints),
      ...integrationTable(integration),
      ...diskTable(new DiskCommands(sessions, () => partitions.update())),
      ...partitionTable(sessions, () => partitions.update()),
    }).map(([name, run]) => vscode.commands.registerCommand(`hyperscope.${name}`, run)),
  );
}

function filesOfPreparation(context: vscode.ExtensionContext): PreparationFiles {
  const { extension, extensionUri, globalStorageUri } = context;
  // The manifest is ours; a test reads it.
  const { version } = extension.packageJSON as { readonly version: string };
  return {
    program: vscode.Uri.joinPath(extensionUri, 'dist/debug-adapter.cjs').fsPath,
    version,
    record: vscode.Uri.joinPath(globalStorageUri, 'prepared').fsPath,
  };
}

interface Panels {
  readonly exitLog: ExitLogView;
  readonly vmcsInspector: VmcsInspectorView;
  readonly vmbusTraffic: VmbusTrafficView;
  readonly eventLog: EventLogView;
}

function commandTable(
  guests: GuestCommands,
  sessions: HyperscopeSessions,
  { exitLog, vmcsInspector, vmbusTraffic, eventLog }: Panels,
): CommandTable {
  return {
    debugGuest: (which?: unknown) => guests.debugGuest(which),
    pickGuest: () => guests.pickGuest(),
    openSampleGuest: (which?: unknown) => guests.openSampleGuest(which),
    openWalkthrough: () =>
      vscode.commands.executeCommand(
        'workbench.action.openWalkthrough',
        'hyperscope.hyperscope#firstGuest',
      ),
    showPartitions: () => vscode.commands.executeCommand('hyperscope.partitions.focus'),
    openExitLog: () => exitLog.show(false),
    openVmcsInspector: () => vmcsInspector.show(),
    openVmbusTraffic: () => vmbusTraffic.show(false),
    openEventLog: () => eventLog.show(false),
    showInExitLog: (row: RowTarget) => exitLog.reveal(row),
    showInVmbusTraffic: (row: RowTarget) => vmbusTraffic.reveal(row),
    showInEventLog: (row: RowTarget) => eventLog.reveal(row),
    filterEvents: () => eventLog.focusFilter(),
    filterVmbusTraffic: () => vmbusTraffic.focusFilter(),
    filterVmcs: async () => {
      await vmcsInspector.show();
      vmcsInspector.post({ type: 'focusFilter' });
    },
    filterExitLog: () => exitLog.focusFilter(),
    clearExitFilter: () => exitLog.clearFilter(),
    showProcessorExits: ({ partition, processor }: ProcessorNode) =>
      exitLog.filterProcessor(partition.id, processor.index),
    stepInstruction: () => stepByInstruction(sessions, 'stepIn'),
    stepOverInstruction: () => stepByInstruction(sessions, 'next'),
    stepBackInstruction: () => stepByInstruction(sessions, 'stepBack'),
    goToPosition: () => goToPosition(sessions),
    saveMachine: () => saveMachine(sessions),
    restoreMachine: () => restoreMachine(),
    openDisassembly: () => vscode.commands.executeCommand('debug.action.openDisassemblyView'),
    goToProcessor: async ({ processor }: ProcessorNode) => {
      if (sessions.live !== undefined) await showInstruction(sessions.live.session, processor.rip);
    },
  };
}

function breakpointTable(sessions: HyperscopeSessions, view: EventBreakpointsView): CommandTable {
  return {
    breakOnHypercall: () => breakOnHypercall(),
    breakOnExit: () => breakOnExit(),
    breakOnEvent: () => breakOnEvent(),
    // A key comes without a row: it means the selected one.
    editEventCondition: async (target: EventTarget | undefined = view.selected) => {
      if (target !== undefined) await editEventCondition(sessions, target);
    },
    addEventBreakpoint: (target: EventGroupTarget) => addEventBreakpoint(sessions, target),
    toggleEventBreakpoint: () => view.toggleSelected(),
  };
}

function diskTable(disks: DiskCommands): CommandTable {
  return {
    exportDisk: (target?: DiskTarget) => disks.export(target),
    backUpDisk: (target?: DiskTarget) => disks.backUp(target),
    attachDisk: (target?: DiskTarget) => disks.attach(target),
    detachDisk: (target?: DiskTarget) => disks.detach(target),
  };
}

function partitionTable(sessions: HyperscopeSessions, changed: () => void): CommandTable {
  return {
    pausePartition: (target: PartitionTarget) =>
      setPartitionPaused(sessions, target, true).then(changed),
    resumePartition: (target: PartitionTarget) =>
      setPartitionPaused(sessions, target, false).then(changed),
    protectPages: (target: PartitionTarget) => protectPages(sessions, target),
    savePartition: (target: PartitionTarget) => savePartition(sessions, target),
    restorePartition: (target: PartitionTarget) => restorePartition(sessions, target).then(changed),
    deletePartition: (target: PartitionTarget) => deletePartition(sessions, target).then(changed),
    startPartition: (target: PartitionTarget) => startPartition(sessions, target).then(changed),
  };
}

function integrationTable(integration: IntegrationCommands): CommandTable {
  return {
    shutDownGuest: (target: PartitionTarget) => integration.ask('shut-down', target),
    restartGuest: (target: PartitionTarget) => integration.ask('restart', target),
    setGuestTime: (target: PartitionTarget) => integration.ask('set-time', target),
    queryGuestData: (target: PartitionTarget) => integration.ask('query-data', target),
    setGuestValue: (target: PartitionTarget) => integration.setValue(target),
    setGuestAddresses: (target: PartitionTarget) => integration.setAddresses(target),
    freezeGuest: (target: PartitionTarget) => integration.ask('freeze', target),
    thawGuest: (target: PartitionTarget) => integration.ask('thaw', target),
    copyFileToGuest: (target: PartitionTarget) => integration.copyFile(target),
  };
}
