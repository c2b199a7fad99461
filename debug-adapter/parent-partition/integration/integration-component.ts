/** What all integration components have in common: their offer, the negotiation of versions, one request at a time. */
import type { Inspectable, InspectedValue } from '../../machine/inspect';
import { deviceClasses } from '../../spec/vmbus/device-classes';
import {
  icFrameworkVersions,
  IcMessageType,
  type IcVersionPair,
} from '../../spec/vmbus/integration';
import { channelFlag, PipeMode } from '../../spec/vmbus/messages';
import { present } from '../../support/assert';
import { restoreFlat, saveFlat } from '../../support/flat-state';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { UserError } from '../../support/user-error';
import type {
  ChannelOffer,
  OpenChannel,
  ProviderHost,
  ReceivedPacket,
  ServiceProvider,
} from '../vmbus/provider';
import { decodeAnswer, decodeNegotiation, encodeNegotiation, encodeRequest } from './ic-message';

/** How far a component and its guest have come. */
export type ComponentPhase = 'absent' | 'negotiating' | 'ready' | 'incompatible';

/** A component as its specification describes it. */
export interface ComponentKind {
  /** Short name of its class in `spec/vmbus/device-classes.ts`. */
  readonly className: string;
  readonly messageType: number;
  /** Versions of its messages, newest first. */
  readonly versions: readonly IcVersionPair[];
  /** Oldest version of the bus with which guests take it. */
  readonly minimumVersion?: number;
}

const versionOfState = 1;

const phases: readonly ComponentPhase[] = ['absent', 'negotiating', 'ready', 'incompatible'];

const initial = {
  /** Index into the phases. */
  phase: 0,
  frameworkMajor: 0,
  frameworkMinor: 0,
  major: 0,
  minor: 0,
  /** Identifier of the last request, 0 to 255. */
  transactionId: 0,
  /** A request waits for its answer. */
  isWaiting: false,
  /** Packets of the guest that were no answers to anything. */
  ignored: 0,
};

/** Work numbers from here on are the time limit of the request with the identifier that follows. */
const timeLimitWork = 1 << 16;

function offerOf({ className, minimumVersion }: ComponentKind): ChannelOffer {
  const { guid, instances } = present(
    deviceClasses.find(({ name }) => name === className),
    'class of the component',
  );
  const userDefined = new Uint8Array(4);
  new DataView(userDefined.buffer).setUint32(0, PipeMode.message, true);
  return {
    classId: guid,
    instanceId: present(instances[0], 'instance of the component'),
    flags: channelFlag.enumerateDeviceInterface | channelFlag.namedPipeMode,
    isMonitored: true,
    userDefined,
    ...(minimumVersion === undefined ? {} : { minimumVersion }),
  };
}

/** The guest answers requests and sends nothing else. Each component overrides what it has to do. */
export abstract class IntegrationComponent implements ServiceProvider, Inspectable {
  readonly name: string;
  readonly title: string;
  readonly offer: ChannelOffer;
  private host: ProviderHost | undefined;
  private common = { ...initial };

  protected constructor(private readonly kind: ComponentKind) {
    this.name = kind.className;
    this.offer = offerOf(kind);
    this.title = present(
      deviceClasses.find(({ name }) => name === kind.className),
      'class of the component',
    ).title;
  }

  get phase(): ComponentPhase {
    return phases[this.common.phase] ?? 'absent';
  }

  /** Version of its messages that the guest has chosen, as `3.2`; empty before. */
  get version(): string {
    const { major, minor } = this.common;
    return this.phase === 'ready' ? `${major}.${minor}` : '';
  }

  /** A request waits for its answer. */
  get isBusy(): boolean {
    return this.common.isWaiting;
  }

  /** What it is doing, in words for a person. */
  abstract readonly detail: string;

  connect(host: ProviderHost): void {
    this.host = host;
  }

  opened(channel: OpenChannel): void {
    this.common = { ...initial, ignored: this.common.ignored };
    this.setPhase('negotiating');
    const body = encodeNegotiation(icFrameworkVersions, this.kind.versions);
    const [framework] = icFrameworkVersions;
    const [version] = this.kind.versions;
    this.post(channel, IcMessageType.negotiate, framework ?? [0, 0], version ?? [0, 0], body);
  }

  closed(): void {
    this.setPhase('absent');
    this.common.isWaiting = false;
    this.stopped();
  }

  receive(channel: OpenChannel, { payload }: ReceivedPacket): void {
    const answer = decodeAnswer(payload);
    const { common } = this;
    if (typeof answer === 'string' || !common.isWaiting) {
      common.ignored++;
      return;
    }
    const isNegotiation = this.phase === 'negotiating';
    const expected = isNegotiation ? IcMessageType.negotiate : this.kind.messageType;
    if (answer.transactionId !== common.transactionId || answer.messageType !== expected) {
      common.ignored++;
      return;
    }
    common.isWaiting = false;
    if (isNegotiation) this.negotiated(channel, answer.body);
    else this.answered(channel, answer.status, answer.body);
  }

  due(channel: OpenChannel, work: number): void {
    if (work < timeLimitWork) return this.scheduled(channel, work);
    const { common } = this;
    if (!common.isWaiting || work - timeLimitWork !== common.transactionId) return;
    common.isWaiting = false;
    this.unanswered(channel);
  }

  reset(): void {
    this.common = { ...initial };
    this.resetOwn();
  }

  save(): StateNode {
    return { version: versionOfState, ...saveFlat(this.common), own: this.saveOwn() };
  }

  restore(record: StateRecord): void {
    record.expectVersion(versionOfState);
    this.common = restoreFlat(record, initial);
    this.restoreOwn(record.record('own'));
  }

  inspect(): readonly InspectedValue[] {
    return [
      { name: 'state', value: this.phase },
      { name: 'version', value: this.version },
      { name: 'detail', value: this.detail },
      { name: 'answers ignored', value: this.common.ignored },
    ];
  }

  /** Major version of its messages. */
  protected get majorVersion(): number {
    return this.common.major;
  }

  protected nowNs(): number {
    return present(this.host, 'bus').nowNs();
  }

  /** What the guest has missed of the parent's time. */
  protected behindNs(): number {
    return present(this.host, 'bus').behindNs();
  }

  /**
   * The channel of a component that takes requests.
   * @throws UserError where the guest does not use the component, or not yet
   */
  protected requireReady(): OpenChannel {
    const [channel] = present(this.host, 'bus').openChannels();
    if (channel !== undefined && this.phase === 'ready') return channel;
    const why = {
      absent: 'has not opened it: its driver is not loaded',
      negotiating: 'has not answered yet: it may wait for its daemon',
      incompatible: 'speaks none of its versions',
      ready: 'has closed it',
    }[this.phase];
    throw new UserError(
      'integration-not-ready',
      `The guest ${why} ("${this.title}").`,
      'Load hv_utils in the guest, and start the daemons of hyperv-daemons.',
    );
  }

  /** Sends a request; {@link answered} or {@link unanswered} follows. */
  protected request(channel: OpenChannel, body: Uint8Array, timeLimitNs: number): void {
    const { frameworkMajor, frameworkMinor, major, minor } = this.common;
    const framework: IcVersionPair = [frameworkMajor, frameworkMinor];
    this.post(channel, this.kind.messageType, framework, [major, minor], body);
    channel.schedule(timeLimitNs, timeLimitWork + this.common.transactionId);
  }

  /** Versions have been agreed on. */
  protected abstract started(channel: OpenChannel): void;
  protected abstract answered(channel: OpenChannel, status: number, body: Uint8Array): void;
  /** The guest has not answered in time; an answer that still comes is ignored. */
  protected abstract unanswered(channel: OpenChannel): void;
  /** Work that the component scheduled is due; its numbers are below 65,536. */
  protected scheduled(_channel: OpenChannel, _work: number): void {
    // Most schedule nothing.
  }
  /** The channel is gone. */
  protected abstract stopped(): void;
  protected abstract resetOwn(): void;
  protected abstract saveOwn(): StateNode;
  protected abstract restoreOwn(record: StateRecord): void;

  private setPhase(phase: ComponentPhase): void {
    this.common.phase = phases.indexOf(phase);
  }

  private negotiated(channel: OpenChannel, body: Uint8Array): void {
    const chosen = decodeNegotiation(body);
    const isOffered = (version: IcVersionPair): boolean =>
      this.kind.versions.some(([major, minor]) => major === version[0] && minor === version[1]);
    if (chosen === undefined || !isOffered(chosen.version)) return this.setPhase('incompatible');
    [this.common.frameworkMajor, this.common.frameworkMinor] = chosen.framework;
    [this.common.major, this.common.minor] = chosen.version;
    this.setPhase('ready');
    this.started(channel);
  }

  private post(
    channel: OpenChannel,
    messageType: number,
    framework: IcVersionPair,
    version: IcVersionPair,
    body: Uint8Array,
  ): void {
    const { common } = this;
    common.transactionId = (common.transactionId + 1) & 0xff;
    common.isWaiting = true;
    const { transactionId } = common;
    const payload = encodeRequest({ framework, messageType, version, transactionId }, body);
    channel.send({ type: 'in-band', payload, transactionId: BigInt(transactionId) });
  }
}
