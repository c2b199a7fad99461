/** Typed custom requests of the debug adapter. */
import type * as vscode from 'vscode';
import type { customRequest } from '../../debug-adapter/protocol/custom-requests';
import type {
  CheckBreakpointArguments,
  CheckBreakpointBody,
  ConsoleInputArguments,
  ExitDetailArguments,
  ExitDetailBody,
  ExitFilter,
  ExitsArguments,
  ExitsBody,
  GoToPositionArguments,
  PartitionsArguments,
  PartitionsBody,
  PausePartitionArguments,
  ProtectPagesArguments,
  PartitionArguments,
  RestorePartitionArguments,
  RestorePartitionBody,
  SaveMachineArguments,
  SaveMachineBody,
  SavePartitionArguments,
  SavePartitionBody,
} from '../../debug-adapter/protocol/custom-requests';
import type {
  DiskArguments,
  diskRequest,
  DisksArguments,
  DisksBody,
  ExportDiskArguments,
} from '../../debug-adapter/protocol/guest-disks';
import type {
  EventDetailArguments,
  EventDetailBody,
  EventFilter,
  eventRequest,
  EventsArguments,
  EventsBody,
  RecordEventsArguments,
} from '../../debug-adapter/protocol/event-log';
import type {
  PlaceArguments,
  PlaceBody,
  placeRequest,
} from '../../debug-adapter/protocol/log-places';
import type {
  AskGuestArguments,
  IntegrationArguments,
  IntegrationBody,
  integrationRequest,
} from '../../debug-adapter/protocol/guest-integration';
import type {
  TrafficArguments,
  TrafficBody,
  TrafficBusesBody,
  TrafficDetailArguments,
  TrafficDetailBody,
  TrafficFilter,
} from '../../debug-adapter/protocol/traffic';
import type {
  FollowVmcsArguments,
  SetVmcsFieldArguments,
  VmcsArguments,
  VmcsBody,
} from '../../debug-adapter/protocol/vmcs-requests';

/** Arguments and body of each request. */
export interface AdapterRequests {
  [integrationRequest.integration]: { arguments: IntegrationArguments; body: IntegrationBody };
  [integrationRequest.askGuest]: { arguments: AskGuestArguments; body: undefined };
  [diskRequest.disks]: { arguments: DisksArguments; body: DisksBody };
  [diskRequest.attachDisk]: { arguments: DiskArguments; body: undefined };
  [diskRequest.detachDisk]: { arguments: DiskArguments; body: undefined };
  [diskRequest.exportDisk]: { arguments: ExportDiskArguments; body: undefined };
  [eventRequest.events]: { arguments: EventsArguments; body: EventsBody };
  [eventRequest.eventDetail]: { arguments: EventDetailArguments; body: EventDetailBody };
  [eventRequest.recordEvents]: { arguments: RecordEventsArguments; body: undefined };
  [customRequest.vmcs]: { arguments: VmcsArguments; body: VmcsBody };
  [customRequest.followVmcs]: { arguments: FollowVmcsArguments; body: undefined };
  [customRequest.setVmcsField]: { arguments: SetVmcsFieldArguments; body: undefined };
  [customRequest.checkBreakpoint]: {
    arguments: CheckBreakpointArguments;
    body: CheckBreakpointBody;
  };
  [customRequest.partitions]: { arguments: PartitionsArguments; body: PartitionsBody };
  [customRequest.exits]: { arguments: ExitsArguments; body: ExitsBody };
  [customRequest.traffic]: { arguments: TrafficArguments; body: TrafficBody };
  [customRequest.trafficDetail]: { arguments: TrafficDetailArguments; body: TrafficDetailBody };
  [customRequest.trafficBuses]: { arguments: Record<string, never>; body: TrafficBusesBody };
  [customRequest.consoleInput]: { arguments: ConsoleInputArguments; body: undefined };
  [customRequest.goToPosition]: { arguments: GoToPositionArguments; body: undefined };
  [customRequest.pausePartition]: { arguments: PausePartitionArguments; body: undefined };
  [customRequest.protectPages]: { arguments: ProtectPagesArguments; body: undefined };
  [customRequest.saveMachine]: { arguments: SaveMachineArguments; body: SaveMachineBody };
  [customRequest.savePartition]: { arguments: SavePartitionArguments; body: SavePartitionBody };
  [customRequest.restorePartition]: {
    arguments: RestorePartitionArguments;
    body: RestorePartitionBody;
  };
  [customRequest.deletePartition]: { arguments: PartitionArguments; body: undefined };
  [customRequest.startPartition]: { arguments: PartitionArguments; body: undefined };
  [placeRequest.exitPlace]: { arguments: PlaceArguments<ExitFilter>; body: PlaceBody };
  [placeRequest.trafficPlace]: { arguments: PlaceArguments<TrafficFilter>; body: PlaceBody };
  [placeRequest.eventPlace]: { arguments: PlaceArguments<EventFilter>; body: PlaceBody };
  [customRequest.exitDetail]: { arguments: ExitDetailArguments; body: ExitDetailBody };
}

/**
 * Sends one custom request.
 * @throws what the adapter answered as an error, or that the session is gone
 */
export async function requestFromAdapter<Command extends keyof AdapterRequests>(
  session: vscode.DebugSession,
  command: Command,
  args: AdapterRequests[Command]['arguments'],
): Promise<AdapterRequests[Command]['body']> {
  // The body crosses a process boundary; both ends are built from the same protocol file.
  return (await session.customRequest(command, args)) as AdapterRequests[Command]['body'];
}
