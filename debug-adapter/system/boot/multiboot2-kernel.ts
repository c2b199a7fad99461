/** Loads a kernel by the Multiboot2 Specification 2.0, entered in 32-bit protected mode. */
import {
  Multiboot2,
  multiboot2AddressTag,
  multiboot2EntryTag,
  multiboot2Header,
  multiboot2HeaderTag,
} from '../../spec/multiboot';
import { readField } from '../../support/struct-layout';
import { encodeUtf8 } from '../../support/utf8';
import type { GuestConfiguration, ImageFile } from '../machine-configuration';
import type { BootPlan, MemoryPiece } from './boot-plan';
import type { BootServices } from './boot-services';
import { commandLineBytes, lowMemory } from './boot-structures';
import { imageError, truncatedImage } from './image-error';
import { memoryMap } from './memory-map';
import {
  basicMemory,
  loaderName,
  planMultibootImage,
  type MultibootAddresses,
} from './multiboot-image';

/** What the tags of the header ask for. */
interface HeaderTags {
  readonly addresses: Omit<MultibootAddresses, 'entry'> | undefined;
  readonly entry: number | undefined;
}

/**
 * @param headerOffset of the header that has been found in the file
 * @throws UserError where the image cannot be loaded
 */
export function planMultiboot2Kernel(
  guest: GuestConfiguration,
  headerOffset: number,
  { acpiRootPointer }: BootServices,
): BootPlan {
  const { image } = guest;
  const { addresses, entry } = readHeaderTags(image, headerOffset);
  if (addresses !== undefined && entry === undefined) {
    throw imageError(image, 'bad-multiboot', 'has an address tag, but no entry address tag');
  }
  const places = addresses === undefined ? undefined : { ...addresses, entry: entry ?? 0 };
  return planMultibootImage(
    guest,
    { offset: headerOffset, addresses: places, entry },
    {
      magic: Multiboot2.bootloaderMagic,
      information: (module) => {
        const bytes = bootInformation(guest, module, acpiRootPointer.bytes);
        return [{ gpa: lowMemory.startInfoGpa, bytes }];
      },
    },
  );
}

const ignorableTags: readonly number[] = [
  Multiboot2.headerTagInformationRequest,
  Multiboot2.headerTagModuleAlignment,
];

function readHeaderTags(image: ImageFile, headerOffset: number): HeaderTags {
  const { bytes } = image;
  const length = Number(readField(multiboot2Header, bytes, 'header_length', headerOffset));
  const end = headerOffset + length;
  if (end > bytes.length) throw truncatedImage(image, 'its multiboot header');
  let addresses: HeaderTags['addresses'];
  let entry: number | undefined;
  for (let at = headerOffset + multiboot2Header.sizeBytes; at < end;) {
    const field = (name: string): number =>
      at + multiboot2HeaderTag.sizeBytes > end
        ? 0
        : Number(readField(multiboot2HeaderTag, bytes, name, at));
    const type = field('type');
    const size = field('size');
    if (type === Multiboot2.headerTagEnd) break;
    if (size < multiboot2HeaderTag.sizeBytes || at + size > end) {
      throw imageError(image, 'bad-multiboot', 'has a damaged tag in its multiboot header');
    }
    if (type === Multiboot2.headerTagAddress && size >= multiboot2AddressTag.sizeBytes) {
      const value = (name: string): number =>
        Number(readField(multiboot2AddressTag, bytes, name, at));
      addresses = {
        header: value('header_addr'),
        load: value('load_addr'),
        loadEnd: value('load_end_addr'),
        bssEnd: value('bss_end_addr'),
      };
    } else if (type === Multiboot2.headerTagEntryAddress && size >= multiboot2EntryTag.sizeBytes) {
      entry = Number(readField(multiboot2EntryTag, bytes, 'entry_addr', at));
    } else {
      refuseDemand(image, type, field('flags'));
    }
    at += aligned(size);
  }
  return { addresses, entry };
}

/** A tag that is not optional and asks for something other than information cannot be honoured. */
function refuseDemand(image: ImageFile, type: number, flags: number): void {
  const isOptional = (flags & Multiboot2.headerTagOptional) !== 0;
  if (isOptional || ignorableTags.includes(type)) return;
  const problem = `demands what this loader does not have (multiboot2 header tag ${type})`;
  throw imageError(image, 'multiboot-demand', problem);
}

const aligned = (bytes: number): number =>
  Math.ceil(bytes / Multiboot2.tagAlignment) * Multiboot2.tagAlignment;

const tagHeaderBytes = 8;

function tag(type: number, contents: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(aligned(tagHeaderBytes + contents.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, tagHeaderBytes + contents.length, true);
  bytes.set(contents, tagHeaderBytes);
  return bytes;
}

const words = (...values: readonly number[]): Uint8Array =>
  new Uint8Array(Uint32Array.from(values).buffer);

const mapEntryBytes = 24;

function memoryMapTag(memoryBytes: number): Uint8Array {
  const map = memoryMap(memoryBytes);
  const contents = new Uint8Array(8 + map.length * mapEntryBytes);
  contents.set(words(mapEntryBytes, 0));
  map.forEach(({ start, end, type }, index) => {
    const view = new DataView(contents.buffer, 8 + index * mapEntryBytes);
    view.setBigUint64(0, BigInt(start), true);
    view.setBigUint64(8, BigInt(end - start), true);
    view.setUint32(16, type, true);
  });
  return tag(Multiboot2.tagMemoryMap, contents);
}

function zeroTerminated(text: string): Uint8Array {
  return encodeUtf8(`${text}\0`);
}

/** Total size, a reserved word, then tags, each aligned to 8. */
function bootInformation(
  guest: GuestConfiguration,
  module: MemoryPiece | undefined,
  acpiRootPointer: Uint8Array,
): Uint8Array {
  const { lower, upper } = basicMemory(guest.memoryBytes);
  const tags = [
    tag(Multiboot2.tagCommandLine, commandLineBytes(guest)),
    tag(Multiboot2.tagLoaderName, zeroTerminated(loaderName)),
    tag(Multiboot2.tagBasicMemory, words(lower, upper)),
    memoryMapTag(guest.memoryBytes),
  ];
  if (module !== undefined) {
    const range = words(module.gpa, module.gpa + module.bytes.length);
    const contents = new Uint8Array(range.length + 1);
    contents.set(range);
    tags.push(tag(Multiboot2.tagModule, contents));
  }
  tags.push(tag(Multiboot2.tagAcpiNew, acpiRootPointer));
  tags.push(tag(Multiboot2.tagEnd, new Uint8Array(0)));
  const total = tags.reduce((sum, each) => sum + each.length, tagHeaderBytes);
  const bytes = new Uint8Array(total);
  bytes.set(words(total, 0));
  let at = tagHeaderBytes;
  for (const each of tags) {
    bytes.set(each, at);
    at += each.length;
  }
  return bytes;
}
