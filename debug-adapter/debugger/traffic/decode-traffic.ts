/** Messages and packets of VMBus taken apart: by name for conditions, as a tree for people. */
import type { VmbusMessageEvent, VmbusPacketEvent } from '../../machine/trace';
import { deviceClassByGuid, isPipeClass } from '../../spec/vmbus/device-classes';
import { deviceProtocolByClass } from '../../spec/vmbus/device-protocols';
import {
  channelFlag,
  channelMessageByType,
  channelMessageHeader,
  ChannelMessageType,
  initiateContactLegacy,
  offerChannel,
  pipeOfferArea,
  VmbusVersion,
} from '../../spec/vmbus/messages';
import {
  descriptorByPacketType,
  packetDescriptor,
  PacketType,
  packetUnitBytes,
  pipeHeader,
} from '../../spec/vmbus/packets';
import { socketOfferArea } from '../../spec/vmbus/small-protocols';
import { ideOfferArea } from '../../spec/vmbus/storage';
import { present } from '../../support/assert';
import { guidText } from '../../support/guid';
import { fieldSizeBytes, readField, type StructLayout } from '../../support/struct-layout';
import { decodeTree, restNode, type StructNode, type StructScope } from '../../support/struct-tree';
import {
  fieldFinder,
  type FieldFinder,
  type FoundField,
  type StructPlace,
} from '../../support/struct-value-plan';
import { readOne, readValues, type StructReading } from '../../support/struct-values';

/** Fields by name. */
export type TrafficValues = ReadonlyMap<string, StructReading>;

const noValues: TrafficValues = new Map();
const noBytes = new Uint8Array(0);

/** Type of a channel message; undefined where it is too short to have one. */
export function channelMessageTypeOf(payload: Uint8Array): number | undefined {
  if (payload.length < channelMessageHeader.sizeBytes) return undefined;
  return Number(readField(channelMessageHeader, payload, 'MessageType'));
}

/** What a channel message is called. */
export function messageName(payload: Uint8Array): string {
  const type = channelMessageTypeOf(payload);
  if (type === undefined) return `message of ${payload.length} bytes`;
  return channelMessageByType.get(type)?.name ?? `message ${type}`;
}

/** The layout of a channel message; undefined where its type is not known. */
function messageLayout(payload: Uint8Array): StructLayout | undefined {
  const type = channelMessageTypeOf(payload);
  if (type === undefined) return undefined;
  const versionEnd = channelMessageHeader.sizeBytes + 4;
  if (type === ChannelMessageType.initiateContact && payload.length >= versionEnd) {
    const version = Number(readField(initiateContactLegacy, payload, 'VersionRequested'));
    if (version < VmbusVersion.v5_0) return initiateContactLegacy;
  }
  return channelMessageByType.get(type)?.layout;
}

/** Every named value of a channel message. */
export function messageValues({ payload }: Pick<VmbusMessageEvent, 'payload'>): TrafficValues {
  const layout = messageLayout(payload);
  return layout === undefined ? noValues : readValues(layout, payload);
}

const offerField = (name: string): { offset: number; sizeBytes: number } => {
  const { offset, type } = present(offerChannel.byName.get(name), name);
  return { offset, sizeBytes: fieldSizeBytes(type) };
};
const interfaceType = offerField('InterfaceType');
const userDefined = offerField('UserDefined');

/** What the user-defined area of an offer holds; undefined where that is the provider's affair. */
function offerAreaLayout(offer: Uint8Array): StructLayout | undefined {
  const flags = Number(readField(offerChannel, offer, 'ChannelFlags'));
  if ((flags & channelFlag.tlnpiProvider) !== 0) return socketOfferArea;
  if ((flags & channelFlag.namedPipeMode) !== 0) return pipeOfferArea;
  const guid = guidText(offer, interfaceType.offset);
  return deviceClassByGuid.get(guid)?.name === 'ide' ? ideOfferArea : undefined;
}

/** The nodes of an offer with those of its user-defined area. */
function withOfferArea(nodes: readonly StructNode[], offer: Uint8Array): readonly StructNode[] {
  const { offset, sizeBytes } = userDefined;
  const end = offset + sizeBytes;
  const layout = offer.length < end ? undefined : offerAreaLayout(offer);
  if (layout === undefined) return nodes;
  const within = offer.subarray(0, end);
  const area = decodeTree(layout, within, offset);
  const children = [...area.nodes, ...restNode(within, area.end)];
  return nodes.map((node) => (node.offset === offset ? { ...node, children } : node));
}

/** A channel message as a tree. */
export function messageTree({
  payload,
}: Pick<VmbusMessageEvent, 'payload'>): readonly StructNode[] {
  const layout = messageLayout(payload) ?? channelMessageHeader;
  const { nodes, end } = decodeTree(layout, payload);
  const own = layout === offerChannel ? withOfferArea(nodes, payload) : nodes;
  return [...own, ...restNode(payload, end)];
}

/** What of a packet says what it is. */
export type PacketBytes = Pick<VmbusPacketEvent, 'bytes' | 'packetType' | 'classId'>;

const descriptorAt = (name: string): number =>
  present(packetDescriptor.byName.get(name), name).offset;
const dataOffsetAt = descriptorAt('DataOffset8');
const lengthAt = descriptorAt('Length8');

const unitsAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)) * packetUnitBytes;

/** Where the payload of a packet lies in the bytes that were kept; undefined where the descriptor cannot be right. */
function payloadPlace({ bytes }: PacketBytes): { start: number; end: number } | undefined {
  if (bytes.length < packetDescriptor.sizeBytes) return undefined;
  const start = unitsAt(bytes, dataOffsetAt);
  const end = unitsAt(bytes, lengthAt);
  return start < packetDescriptor.sizeBytes || start > end
    ? undefined
    : { start, end: Math.min(end, bytes.length) };
}

/** What the payload of a packet is, and whether a pipe header stands before its own structure. */
interface PayloadKind {
  readonly layout: StructLayout;
  readonly isPipe: boolean;
}

interface PayloadKinds {
  readonly message: PayloadKind;
  readonly completion: PayloadKind;
}

/** By class. */
const payloadKinds: ReadonlyMap<string, PayloadKinds> = new Map(
  [...deviceProtocolByClass].map(([classId, { message, completion }]) => {
    const isPipe = isPipeClass(classId);
    const kinds = {
      message: { layout: message, isPipe },
      completion: { layout: completion, isPipe },
    };
    return [classId, kinds];
  }),
);

function payloadLayout({
  classId,
  packetType,
}: Pick<PacketBytes, 'classId' | 'packetType'>): PayloadKind | undefined {
  const kinds = payloadKinds.get(classId);
  return packetType === PacketType.completion ? kinds?.completion : kinds?.message;
}

/** Where the message in a packet begins, behind the pipe header; undefined where the packet has no known message. */
export function messageStart(packet: PacketBytes): number | undefined {
  const place = payloadPlace(packet);
  const kind = payloadLayout(packet);
  if (place === undefined || kind === undefined) return undefined;
  return place.start + (kind.isPipe ? pipeHeader.sizeBytes : 0);
}

/** The structure in a packet: its bytes up to the end of the payload, and where it begins. */
interface PacketStructure {
  readonly layout: StructLayout;
  readonly bytes: Uint8Array;
  readonly start: number;
}

function structureIn(packet: PacketBytes): PacketStructure | undefined {
  const kind = payloadLayout(packet);
  const place = kind === undefined ? undefined : payloadPlace(packet);
  if (place === undefined || kind === undefined) return undefined;
  const start = place.start + (kind.isPipe ? pipeHeader.sizeBytes : 0);
  const isWhole = place.end === packet.bytes.length;
  const bytes = isWhole ? packet.bytes : packet.bytes.subarray(0, place.end);
  return start > bytes.length ? undefined : { layout: kind.layout, bytes, start };
}

/** Every named value of a packet's payload; with the request's under `Request.` before its name for the choices. */
export function packetValues(packet: PacketBytes, request?: PacketBytes): TrafficValues {
  const structure = structureIn(packet);
  if (structure === undefined) return noValues;
  const { layout, bytes, start } = structure;
  return readValues(
    layout,
    bytes,
    start,
    requestScope(() => request),
  );
}

/** A packet within bytes that hold others too: to look at very many without an object for each. */
export interface PacketPlace extends Pick<PacketBytes, 'packetType' | 'classId'> {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Says in `where` where the structure in a packet lies. @returns its layout; undefined where there is none */
export function placeStructure(packet: PacketPlace, where: StructPlace): StructLayout | undefined {
  const { bytes, start, end } = packet;
  const kind = payloadLayout(packet);
  if (kind === undefined || end - start < packetDescriptor.sizeBytes) return undefined;
  const payloadStart = unitsAt(bytes, start + dataOffsetAt);
  const payloadEnd = unitsAt(bytes, start + lengthAt);
  if (payloadStart < packetDescriptor.sizeBytes || payloadStart > payloadEnd) return undefined;
  where.bytes = bytes;
  where.at = start + payloadStart + (kind.isPipe ? pipeHeader.sizeBytes : 0);
  where.end = Math.min(start + payloadEnd, end);
  return where.at > where.end ? undefined : kind.layout;
}

/** The one of {@link packetValues} that has this name. */
export function packetValue(
  packet: PacketBytes,
  name: string,
  request?: () => PacketBytes | undefined,
): StructReading | undefined {
  const place = (of: PacketBytes | undefined): PacketPlace | undefined =>
    of === undefined ? undefined : { ...of, start: 0, end: of.bytes.length };
  const finder = finderOf(name);
  const found = finder.find({ ...packet, start: 0, end: packet.bytes.length }, () =>
    place(request?.()),
  );
  if (found === undefined) return undefined;
  return { layout: found.layout, value: readOne(packet.bytes, finder.at, found.field) };
}

/** How a field is found in the packets of a class. */
interface PacketWay {
  readonly fields: FieldFinder;
  /** Bytes of the payload before its structure. */
  readonly headBytes: number;
}

/** Finds the field of one name in packets of all classes. */
export class PacketFieldFinder {
  private readonly ways = new Map<string, Record<keyof PayloadKinds, PacketWay | undefined>>();
  private readonly where: StructPlace = { bytes: noBytes, at: 0, end: 0 };
  /** Of the fields of the request that choose what an answer holds. */
  private readonly ofRequest = new Map<string, PacketFieldFinder>();

  constructor(private readonly name: string) {}

  /** Where the field lies that was found last. */
  get at(): number {
    return this.where.at;
  }

  /** False where no packet of this class and type can have the field. */
  mayFind(classId: string, packetType: number): boolean {
    return this.wayOf(classId, packetType) !== undefined;
  }

  find(packet: PacketPlace, request: () => PacketPlace | undefined): FoundField | undefined {
    const { bytes, start, end } = packet;
    const way = this.wayOf(packet.classId, packet.packetType);
    if (way === undefined || end - start < packetDescriptor.sizeBytes) return undefined;
    const payloadStart = unitsAt(bytes, start + dataOffsetAt);
    const payloadEnd = unitsAt(bytes, start + lengthAt);
    if (payloadStart < packetDescriptor.sizeBytes || payloadStart > payloadEnd) return undefined;
    const { where } = this;
    where.bytes = bytes;
    where.at = start + payloadStart + way.headBytes;
    where.end = Math.min(start + payloadEnd, end);
    if (where.at > where.end) return undefined;
    return way.fields.find(where, (asked) => this.inRequest(asked, request));
  }

  private inRequest(asked: string, request: () => PacketPlace | undefined): bigint | undefined {
    const of = asked.startsWith(requestPrefix) ? request() : undefined;
    if (of === undefined) return undefined;
    let finder = this.ofRequest.get(asked);
    if (finder === undefined) {
      finder = new PacketFieldFinder(asked.slice(requestPrefix.length));
      this.ofRequest.set(asked, finder);
    }
    const found = finder.find(of, () => undefined);
    const value = found === undefined ? undefined : readOne(of.bytes, finder.at, found.field);
    return typeof value === 'bigint' ? value : undefined;
  }

  private wayOf(classId: string, packetType: number): PacketWay | undefined {
    let ways = this.ways.get(classId);
    if (ways === undefined) {
      const kinds = payloadKinds.get(classId);
      ways = { message: this.wayIn(kinds?.message), completion: this.wayIn(kinds?.completion) };
      if (kinds !== undefined) this.ways.set(classId, ways);
    }
    return packetType === PacketType.completion ? ways.completion : ways.message;
  }

  private wayIn(kind: PayloadKind | undefined): PacketWay | undefined {
    const fields = kind === undefined ? undefined : fieldFinder(kind.layout, this.name);
    if (kind === undefined || fields === undefined) return undefined;
    return { fields, headBytes: kind.isPipe ? pipeHeader.sizeBytes : 0 };
  }
}

const finders = new Map<string, PacketFieldFinder>();

/** A finder that is kept where a protocol says with this field what its packets do, as every packet is asked for it. */
function finderOf(name: string): PacketFieldFinder {
  const known = finders.get(name);
  if (known !== undefined) return known;
  const made = new PacketFieldFinder(name);
  if (operationFieldNames.has(name)) finders.set(name, made);
  return made;
}

const operationFieldNames: ReadonlySet<string> = new Set(
  [...deviceProtocolByClass.values()].flatMap(({ operationFields }) => operationFields ?? []),
);

const requestPrefix = 'Request.';

/** What a packet does, by the names of its protocol: `ExecuteSrb`; undefined where it does not say. */
export function packetOperation(packet: PacketBytes): string | undefined {
  const fields = deviceProtocolByClass.get(packet.classId)?.operationFields ?? [];
  for (let index = fields.length - 1; index >= 0; index--) {
    const field = fields[index] ?? '';
    const name = nameOfReading(field, packetValue(packet, field));
    if (name !== undefined) return name;
  }
  return undefined;
}

/** What the specification calls the value of a field. */
export function nameOfReading(
  field: string,
  reading: StructReading | undefined,
): string | undefined {
  if (typeof reading?.value !== 'bigint') return undefined;
  const meaning = reading.layout.byName.get(field)?.meaning;
  return meaning?.kind === 'values' ? meaning.names[Number(reading.value)] : undefined;
}

function requestScope(request: (() => PacketBytes | undefined) | undefined): StructScope {
  return (name) => {
    const asked = name.startsWith(requestPrefix) ? request?.() : undefined;
    if (asked === undefined) return undefined;
    const value = packetValue(asked, name.slice(requestPrefix.length))?.value;
    return typeof value === 'bigint' ? value : undefined;
  };
}

function group(
  name: string,
  nodes: readonly StructNode[],
  offset: number,
  end: number,
): StructNode {
  return { name, offset, sizeBytes: end - offset, children: nodes };
}

/** The descriptor of a packet, and what may lie between it and the payload. */
function descriptorGroup(packet: PacketBytes, end: number): StructNode {
  const descriptor = descriptorByPacketType.get(packet.packetType) ?? packetDescriptor;
  const own = packet.bytes.subarray(0, end);
  const head = decodeTree(descriptor, own);
  return group('Descriptor', [...head.nodes, ...restNode(own, head.end)], 0, own.length);
}

/** A packet as a tree: descriptor, pipe header where the class has one, and payload. */
export function packetTree(packet: PacketBytes, request?: PacketBytes): readonly StructNode[] {
  const { bytes } = packet;
  const place = payloadPlace(packet);
  if (place === undefined) return [descriptorGroup(packet, bytes.length)];
  let at = Math.min(place.start, place.end);
  const groups = [descriptorGroup(packet, at)];
  const within = bytes.subarray(0, place.end);
  if (isPipeClass(packet.classId) && at < within.length) {
    const pipe = decodeTree(pipeHeader, within, at);
    groups.push(group('PipeHeader', pipe.nodes, at, pipe.end));
    at = pipe.end;
  }
  const kind = payloadLayout(packet);
  if (kind !== undefined && at < within.length) {
    const scope = requestScope(() => request);
    const payload = decodeTree(kind.layout, within, at, scope);
    const nodes = [...payload.nodes, ...restNode(within, payload.end)];
    groups.push(group(kind.layout.name, nodes, at, within.length));
    at = within.length;
  }
  return [...groups, ...restNode(bytes, at)];
}

/**
 * What lies in the memory that a packet names, its ranges put together, as a tree; bytes where its class says nothing
 * of it.
 * @param request what this answers; lies in memory too
 */
export function memoryTree(
  { classId, direction }: Pick<VmbusPacketEvent, 'classId' | 'direction'>,
  memory: Uint8Array,
  request: StructScope = () => undefined,
): readonly StructNode[] {
  const layout = deviceProtocolByClass.get(classId)?.memory?.[direction];
  if (layout === undefined) return restNode(memory, 0);
  const { nodes, end } = decodeTree(layout, memory, 0, request);
  return [...nodes, ...restNode(memory, end)];
}
