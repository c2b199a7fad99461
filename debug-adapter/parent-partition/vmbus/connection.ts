/** What a guest and the bus have agreed on: version, features, and where messages to the guest go. */
import {
  channelMessageSint,
  ChannelMessageType,
  initiateContactLegacy,
  VmbusConnectionId,
  VmbusConnectionState,
  vmbusFeature,
  VmbusVersion,
  versionResponseFeatures,
} from '../../spec/vmbus/messages';
import { pageSizeBytes } from '../../machine/addresses';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { readField, writeField } from '../../support/struct-layout';
import { encodeMessage, messageReader } from './channel-message';

/** Versions that this bus speaks, from the first with event flags for channel interrupts on. */
const versions: ReadonlySet<number> = new Set(
  Object.values(VmbusVersion).filter((version) => version >= VmbusVersion.v2_4),
);

const supportedFeatures =
  vmbusFeature.modifyConnection | vmbusFeature.clientId | vmbusFeature.pauseResume;

/** Processor and source of synthetic interrupts that take messages. */
export interface MessageTarget {
  readonly processor: number;
  readonly sint: number;
}

/** The answer to a request for contact. */
export interface Contact {
  readonly isConnected: boolean;
  /** Guest-physical address; 0 where the guest gave none. */
  readonly childToParentPage: number;
  readonly target: MessageTarget;
  readonly response: Uint8Array;
}

const disconnected = {
  isConnected: false,
  version: 0,
  features: 0,
  processor: 0,
  /** The guest has asked for the offers. */
  offersRequested: false,
};

export class Connection {
  private state = { ...disconnected };

  constructor(
    private readonly maximumVersion: number,
    private readonly processorCount: number,
  ) {}

  get isConnected(): boolean {
    return this.state.isConnected;
  }

  /** Undefined while there is none. */
  get version(): number | undefined {
    return this.state.isConnected ? this.state.version : undefined;
  }

  get features(): number {
    return this.state.features;
  }

  get offersRequested(): boolean {
    return this.state.offersRequested;
  }

  set offersRequested(requested: boolean) {
    this.state.offersRequested = requested;
  }

  /** Where messages go; before the first contact, to the first processor. */
  get target(): MessageTarget {
    return { processor: this.state.processor, sint: channelMessageSint };
  }

  disconnect(): void {
    this.state = { ...disconnected, processor: this.state.processor };
  }

  reset(): void {
    this.state = { ...disconnected };
  }

  /**
   * Answers a request for contact and is connected where the answer says so.
   * @returns in words why there is no answer at all
   */
  contact(message: Uint8Array): Contact | string {
    const field = messageReader(message);
    const version = field('VersionRequested');
    const hasTarget = version >= VmbusVersion.v5_0;
    const sint = hasTarget ? field('TargetSint') : channelMessageSint;
    if (sint > 15) return `InitiateContact wants its answer at source ${sint}`;
    const processor = version >= VmbusVersion.v3_0 ? field('TargetMessageVp') : 0;
    if (processor >= this.processorCount) {
      return `InitiateContact wants its answer at processor ${processor}`;
    }
    this.disconnect();
    this.state.processor = processor;
    const target = { processor, sint };
    const isKnown = versions.has(version) && version <= this.maximumVersion;
    if (!isKnown || sint !== channelMessageSint || (hasTarget && field('TargetVtl') !== 0)) {
      return {
        isConnected: false,
        childToParentPage: 0,
        target,
        response: versionResponse({ supported: false }),
      };
    }
    const connectionState = monitorPagesFit(message)
      ? VmbusConnectionState.successful
      : VmbusConnectionState.unknownFailure;
    const isConnected = connectionState === VmbusConnectionState.successful;
    const asked = version >= VmbusVersion.v6_0 ? field('FeatureFlags') : 0;
    if (isConnected) {
      this.state.isConnected = true;
      this.state.version = version;
      this.state.features = asked & supportedFeatures;
    }
    const response = versionResponse({
      supported: true,
      version,
      connectionState,
      features: asked,
    });
    const childToParentPage = Number(
      readField(initiateContactLegacy, message, 'ChildToParentMonitorPage'),
    );
    return { isConnected, childToParentPage, target, response };
  }

  save(): StateNode {
    return saveFlat(this.state);
  }

  restore(record: StateRecord): void {
    this.state = restoreFlat(record, disconnected);
  }
}

/** Monitored notification is off with both pages zero. */
function monitorPagesFit(message: Uint8Array): boolean {
  const address = (name: string): bigint => readField(initiateContactLegacy, message, name);
  return arePages(address('ParentToChildMonitorPage'), address('ChildToParentMonitorPage'));
}

/** Both or none, and at the start of a page. */
export function arePages(parentToChild: bigint, childToParent: bigint): boolean {
  const pageBytes = BigInt(pageSizeBytes);
  const isAligned = parentToChild % pageBytes === 0n && childToParent % pageBytes === 0n;
  return isAligned && (parentToChild === 0n) === (childToParent === 0n);
}

function versionResponse(
  answer:
    | { readonly supported: false }
    | {
        readonly supported: true;
        readonly version: number;
        readonly connectionState: number;
        readonly features: number;
      },
): Uint8Array {
  if (!answer.supported) return encodeMessage(ChannelMessageType.versionResponse, {});
  const { version, connectionState, features } = answer;
  const values = {
    VersionSupported: 1,
    ConnectionState: connectionState,
    // Before version 5.0 the word has no meaning and holds the version.
    MessageConnectionId: version >= VmbusVersion.v5_0 ? VmbusConnectionId.messages4 : version,
  };
  if (version < VmbusVersion.v6_0) return encodeMessage(ChannelMessageType.versionResponse, values);
  const appended = new Uint8Array(versionResponseFeatures.sizeBytes);
  const granted = BigInt(features & supportedFeatures);
  writeField(versionResponseFeatures, appended, 'SupportedFeatures', granted);
  return encodeMessage(ChannelMessageType.versionResponse, values, appended);
}
