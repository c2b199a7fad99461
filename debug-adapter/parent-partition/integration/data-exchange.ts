/** Data exchange: key-value pairs that the guest tells about itself, and those that the host gives it. */
import { restoreIpConfiguration, type IpConfiguration } from '../../machine/guest-operation';
import {
  IcMessageType,
  IcStatus,
  icKvp,
  kvpBodyBytes,
  kvpDelete,
  kvpEnumerate,
  kvpExchange,
  kvpKeyBytes,
  KvpOperation,
  KvpPool,
  kvpValueBytes,
  KvpValueType,
} from '../../spec/vmbus/integration';
import { present } from '../../support/assert';
import type { StateRecord } from '../../support/state-record';
import type { StateNode } from '../../support/state-tree';
import { readField, structWriter, type StructLayout } from '../../support/struct-layout';
import { UserError } from '../../support/user-error';
import { decodeUtf16, encodeUtf16 } from '../../support/utf16';
import type { OpenChannel } from '../vmbus/provider';
import { IntegrationComponent } from './integration-component';
import {
  checkIpConfiguration,
  decodeIpAnswer,
  encodeIpQuery,
  encodeIpSetting,
} from './ip-configuration';

/** The guest's kernel answers for a daemon that does not within 30 s. */
const timeLimitNs = 60_000_000_000;

/** Items kept of a pool; a guest that tells more is not asked on. */
const itemsMaximum = 1024;
/** Adapters whose addresses are kept; the oldest are forgotten. */
const adaptersMaximum = 64;
/** Requests that wait; more are refused. */
const requestsMaximum = 256;

/** A pair, as the guest told it. */
export interface DataItem {
  readonly pool: number;
  readonly key: string;
  readonly value: string;
}

/** What is still to be asked of the guest. */
type DataRequest =
  | { readonly kind: 'enumerate'; readonly pool: number; readonly index: number }
  | { readonly kind: 'set'; readonly pool: number; readonly key: string; readonly value: string }
  | { readonly kind: 'delete'; readonly pool: number; readonly key: string }
  | { readonly kind: 'get-addresses'; readonly adapter: string }
  | ({ readonly kind: 'set-addresses' } & IpConfiguration);

const requestKinds = ['enumerate', 'set', 'delete', 'get-addresses', 'set-addresses'] as const;

const body = icKvp.sizeBytes;

export class DataExchange extends IntegrationComponent {
  private items: DataItem[] = [];
  private told: IpConfiguration[] = [];
  /** The first one waits for its answer. */
  private requests: DataRequest[] = [];
  /** Of the last request that was answered. */
  private lastStatus = 0;

  /** @param about pairs that the guest is given about its host once it is ready */
  constructor(private readonly about: ReadonlyMap<string, string>) {
    super({
      className: 'kvp',
      messageType: IcMessageType.kvp,
      versions: [
        [4, 0],
        [3, 0],
        [1, 0],
      ],
    });
  }

  get detail(): string {
    if (this.phase !== 'ready') return '';
    const { lastStatus } = this;
    const meaning = lastStatus === IcStatus.notFound ? ' (no such adapter)' : '';
    const status = lastStatus === 0 ? '' : `, last status 0x${lastStatus.toString(16)}${meaning}`;
    return `${this.items.length} items, ${this.requests.length} requests wait${status}`;
  }

  /** What the guest has told, by pool and key. */
  get data(): readonly DataItem[] {
    return this.items;
  }

  /** What the guest has told of its adapters when it was asked for them. */
  get adapters(): readonly IpConfiguration[] {
    return this.told;
  }

  /**
   * Asks the guest for everything that it tells about itself, and for what its programs have left for the host.
   * @throws UserError where the guest does not use the component
   */
  query(): void {
    const channel = this.requireReady();
    this.enumerate(channel);
  }

  /** @throws UserError where the guest does not use the component, or the pair is too long */
  set(key: string, value: string): void {
    checkLength('key', key, kvpKeyBytes);
    checkLength('value', value, kvpValueBytes);
    this.add(this.requireReady(), { kind: 'set', pool: KvpPool.external, key, value });
  }

  /** @throws UserError where the guest does not use the component, or the key is too long */
  delete(key: string): void {
    checkLength('key', key, kvpKeyBytes);
    this.add(this.requireReady(), { kind: 'delete', pool: KvpPool.external, key });
  }

  /** @throws UserError where the guest does not use the component, or the name of the adapter is too long */
  queryAddresses(adapter: string): void {
    const nothing = { addresses: '', subnetMasks: '', gateways: '', dnsServers: '' };
    checkIpConfiguration({ adapter, assignment: 'static', ...nothing });
    this.add(this.requireReady(), { kind: 'get-addresses', adapter });
  }

  /** @throws UserError where the guest does not use the component, or a text is too long */
  setAddresses(configuration: IpConfiguration): void {
    checkIpConfiguration(configuration);
    const { adapter, assignment, addresses, subnetMasks, gateways, dnsServers } = configuration;
    this.add(this.requireReady(), {
      ...{ kind: 'set-addresses', adapter, assignment },
      ...{ addresses, subnetMasks, gateways, dnsServers },
    });
  }

  protected started(channel: OpenChannel): void {
    this.resetOwn();
    for (const [key, value] of this.about) {
      this.add(channel, { kind: 'set', pool: KvpPool.autoExternal, key, value });
    }
    this.enumerate(channel);
  }

  protected answered(channel: OpenChannel, status: number, answer: Uint8Array): void {
    const request = this.requests.shift();
    if (request?.kind === 'enumerate') this.enumerated(request, status, answer);
    else this.lastStatus = status;
    if (request?.kind === 'get-addresses' && status === IcStatus.ok) {
      this.toldAddresses(request.adapter, answer);
    }
    this.askNext(channel);
  }

  protected unanswered(channel: OpenChannel): void {
    this.requests.shift();
    this.lastStatus = IcStatus.fail;
    this.askNext(channel);
  }

  protected stopped(): void {
    this.requests = [];
  }

  protected resetOwn(): void {
    this.items = [];
    this.told = [];
    this.requests = [];
    this.lastStatus = 0;
  }

  protected saveOwn(): StateNode {
    return {
      items: this.items.map((item) => ({ ...item })),
      adapters: this.told.map((each) => ({ ...each })),
      requests: this.requests.map((request) => ({ ...request })),
      lastStatus: this.lastStatus,
    };
  }

  protected restoreOwn(record: StateRecord): void {
    this.items = record.records('items').map((item) => ({
      pool: item.number('pool'),
      key: item.string('key'),
      value: item.string('value'),
    }));
    // Machines that were saved before guests could be asked for addresses have none.
    const adapters = record.has('adapters') ? record.records('adapters') : [];
    this.told = adapters.map(restoreIpConfiguration);
    this.requests = record.records('requests').map(restoreRequest);
    this.lastStatus = record.number('lastStatus');
  }

  private enumerate(channel: OpenChannel): void {
    this.add(channel, { kind: 'enumerate', pool: KvpPool.auto, index: 0 });
    this.add(channel, { kind: 'enumerate', pool: KvpPool.guest, index: 0 });
  }

  private toldAddresses(adapter: string, answer: Uint8Array): void {
    const found = decodeIpAnswer(adapter, answer);
    if (found === undefined) return;
    const others = this.told.filter((each) => each.adapter !== adapter);
    this.told = [...others, found].slice(-adaptersMaximum);
  }

  private add(channel: OpenChannel, request: DataRequest): void {
    if (this.requests.length >= requestsMaximum) {
      throw new UserError('integration-busy', `${requestsMaximum} requests wait for the guest.`);
    }
    this.requests.push(request);
    if (this.requests.length === 1) this.askNext(channel);
  }

  private askNext(channel: OpenChannel): void {
    const [next] = this.requests;
    if (next !== undefined) this.request(channel, encodeDataRequest(next), timeLimitNs);
  }

  /** The next index follows until the guest has none; what it told before is replaced by the first answer. */
  private enumerated(
    { pool, index }: { readonly pool: number; readonly index: number },
    status: number,
    answer: Uint8Array,
  ): void {
    if (index === 0) this.items = this.items.filter((item) => item.pool !== pool);
    if (status !== IcStatus.ok || index >= itemsMaximum) return;
    const item = decodeItem(pool, answer);
    if (item !== undefined) this.items.push(item);
    this.requests.unshift({ kind: 'enumerate', pool, index: index + 1 });
  }
}

function checkLength(what: string, text: string, bytes: number): void {
  if (text !== '' && !text.includes('\0') && encodeUtf16(text).length <= bytes) return;
  throw new UserError(
    'integration-text',
    `The ${what} of a pair has 1 to ${bytes / 2 - 1} characters and no zero among them.`,
  );
}

function fieldBytes(layout: StructLayout, name: string): { offset: number; length: number } {
  const { offset, type } = present(layout.byName.get(name), 'field of a message');
  return { offset: body + offset, length: typeof type === 'object' ? type.bytes : 0 };
}

function encodeDataRequest(request: DataRequest): Uint8Array {
  if (request.kind === 'get-addresses') return encodeIpQuery(request.adapter);
  if (request.kind === 'set-addresses') return encodeIpSetting(request);
  const bytes = new Uint8Array(kvpBodyBytes);
  const setHead = structWriter(icKvp, bytes);
  setHead('Operation', BigInt(KvpOperation[request.kind]));
  setHead('Pool', BigInt(request.pool));
  const layout = { enumerate: kvpEnumerate, set: kvpExchange, delete: kvpDelete }[request.kind];
  const set = structWriter(layout, bytes, body);
  const setText = (name: string, text: string): void => {
    const encoded = encodeUtf16(text);
    bytes.set(encoded, fieldBytes(layout, name).offset);
    set(`${name}Size`, BigInt(encoded.length));
  };
  if (request.kind === 'enumerate') {
    set('Index', BigInt(request.index));
    return bytes;
  }
  setText('Key', request.key);
  if (request.kind === 'delete') return bytes;
  set('ValueType', BigInt(KvpValueType.string));
  setText('Value', request.value);
  return bytes;
}

/** An item whose sizes are odd or beyond its fields is none. */
function decodeItem(pool: number, answer: Uint8Array): DataItem | undefined {
  if (answer.length < kvpBodyBytes) return undefined;
  const text = (name: string): string | undefined => {
    const size = Number(readField(kvpEnumerate, answer, `${name}Size`, body));
    const { offset, length } = fieldBytes(kvpEnumerate, name);
    if (size > length || size % 2 !== 0) return undefined;
    return decodeUtf16(answer.subarray(offset, offset + size));
  };
  const key = text('Key');
  const value = text('Value');
  return key === undefined || value === undefined ? undefined : { pool, key, value };
}

function restoreRequest(record: StateRecord): DataRequest {
  const kind = record.choice('kind', requestKinds);
  if (kind === 'get-addresses') return { kind, adapter: record.string('adapter') };
  if (kind === 'set-addresses') return { kind, ...restoreIpConfiguration(record) };
  const pool = record.number('pool');
  if (kind === 'enumerate') return { kind, pool, index: record.number('index') };
  const key = record.string('key');
  return kind === 'delete'
    ? { kind, pool, key }
    : { kind, pool, key, value: record.string('value') };
}
