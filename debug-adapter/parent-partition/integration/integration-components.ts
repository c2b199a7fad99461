/** All integration components of a guest: one list of providers, one way to ask for something, one view of them. */
import type { GuestOperation, IpConfiguration } from '../../machine/guest-operation';
import { unreachable } from '../../support/assert';
import { Backup } from './backup';
import { DataExchange, type DataItem } from './data-exchange';
import { FileCopy } from './file-copy';
import { Heartbeat } from './heartbeat';
import type { ComponentPhase, IntegrationComponent } from './integration-component';
import { GuestShutdown } from './shutdown';
import { TimeSynchronization } from './time-synchronization';

/** A component as a person sees it. */
export interface ComponentStatus {
  readonly name: string;
  readonly title: string;
  readonly phase: ComponentPhase;
  /** Version of its messages, empty before the guest has chosen one. */
  readonly version: string;
  /** A request waits for the guest's answer. */
  readonly isBusy: boolean;
  /** What it is doing or has done last, in words. */
  readonly detail: string;
}

/** What the components tell of a guest and its host. */
export interface IntegrationConfiguration {
  /** Time of day at virtual time 0: seconds since 1970-01-01 00:00:00 UTC. */
  readonly bootTime: number;
  readonly guestName: string;
}

export class IntegrationComponents {
  readonly providers: readonly IntegrationComponent[];
  private readonly shutdown = new GuestShutdown();
  private readonly timesync: TimeSynchronization;
  private readonly dataExchange: DataExchange;
  private readonly backup = new Backup();
  private readonly fileCopy = new FileCopy();

  constructor({ bootTime, guestName }: IntegrationConfiguration) {
    this.timesync = new TimeSynchronization(bootTime);
    this.dataExchange = new DataExchange(
      new Map([
        ['HostName', 'Hyperscope'],
        ['PhysicalHostName', 'Hyperscope'],
        ['VirtualMachineName', guestName.slice(0, 255)],
      ]),
    );
    const { shutdown, timesync, dataExchange, backup, fileCopy } = this;
    this.providers = [new Heartbeat(), shutdown, timesync, dataExchange, backup, fileCopy];
  }

  /** What the guest has told about itself. */
  get data(): readonly DataItem[] {
    return this.dataExchange.data;
  }

  /** What the guest has told of its adapters. */
  get adapters(): readonly IpConfiguration[] {
    return this.dataExchange.adapters;
  }

  status(): readonly ComponentStatus[] {
    return this.providers.map(({ name, title, phase, version, isBusy, detail }) => ({
      name,
      title,
      phase,
      version,
      isBusy,
      detail,
    }));
  }

  /** @throws UserError, with nothing changed, where the guest cannot be asked */
  request(operation: GuestOperation): void {
    switch (operation.kind) {
      case 'guest-shutdown':
        return this.shutdown.ask(operation.action);
      case 'guest-data-query':
        return this.dataExchange.query();
      case 'guest-data-set':
        return this.dataExchange.set(operation.key, operation.value);
      case 'guest-data-delete':
        return this.dataExchange.delete(operation.key);
      case 'guest-address-query':
        return this.dataExchange.queryAddresses(operation.adapter);
      case 'guest-address-set':
        return this.dataExchange.setAddresses(operation);
      case 'guest-freeze':
        return this.backup.freeze();
      case 'guest-thaw':
        return this.backup.thaw();
      case 'guest-file-copy':
        return this.fileCopy.copy(operation);
      case 'guest-time-sync':
        return this.timesync.synchronize();
      default:
        return unreachable(operation);
    }
  }
}
