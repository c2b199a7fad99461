/** Every event that a breakpoint can be set on by name, in groups; pure. */
import {
  exitNames,
  hypercallNames,
  msrNames,
  packetClassNames,
  packetOperationNames,
  portNames,
  vectorNames,
  vmbusMessageNames,
  type NamedNumber,
} from '../../debug-adapter/protocol/breakpoint-names';

/** One event. */
export interface CatalogueEntry {
  readonly label: string;
  /** Number and meaning. */
  readonly description: string;
  /** The function breakpoint. */
  readonly text: string;
  /** Narrower ones: the operations of a class of packets. */
  readonly parts: readonly CatalogueEntry[];
}

/** Events of one kind. */
export interface CatalogueGroup {
  readonly title: string;
  readonly prefix: string;
  /** A condition as an example. */
  readonly example: string;
  /** What else than a name of the list may follow the prefix. */
  readonly forms: string;
  /** What stops at any of them. */
  readonly everything: CatalogueEntry;
  readonly entries: readonly CatalogueEntry[];
}

interface GroupRow {
  readonly title: string;
  readonly prefix: string;
  readonly everything: string;
  readonly example: string;
  readonly forms: string;
  readonly names: readonly NamedNumber[];
  /** Hexadecimal digits of a number, as the specification prints it; 0 for decimal, undefined for none. */
  readonly digits: number | undefined;
}

const rows: readonly GroupRow[] = [
  {
    title: 'Hypercalls',
    prefix: 'hypercall',
    everything: 'Every hypercall',
    example: 'fast && rep_count > 1',
    forms: 'a name of the TLFS or a call code, 0x5c',
    names: hypercallNames,
    digits: 4,
  },
  {
    title: 'VM exits',
    prefix: 'exit',
    everything: 'Every VM exit',
    example: 'qualification != 0',
    forms: 'a name of the SDM or a basic exit reason, 10',
    names: exitNames,
    digits: 0,
  },
  {
    title: 'MSR accesses',
    prefix: 'msr',
    everything: 'Every MSR that exits',
    example: 'write && value != 0',
    forms: 'a name or a number, 0x40000000; with :r only reads, with :w only writes',
    names: msrNames,
    digits: 8,
  },
  {
    title: 'Ports',
    prefix: 'io',
    everything: 'Every port',
    example: 'write && value == 0x48',
    forms: 'a name or a port, 0xe9; with :r only reads, with :w only writes',
    names: portNames,
    digits: 4,
  },
  {
    title: 'Interrupts and exceptions',
    prefix: 'vector',
    everything: 'Every vector',
    example: 'error_code != 0',
    forms: 'a vector from 0 to 255 or a mnemonic, #PF',
    names: vectorNames,
    digits: 0,
  },
  {
    title: 'VMBus messages',
    prefix: 'vmbus',
    everything: 'Every message',
    example: 'ChildRelId == 6',
    forms: 'a name of a message or its type, 5',
    names: vmbusMessageNames,
    digits: 0,
  },
  {
    title: 'VMBus packets',
    prefix: 'packet',
    everything: 'Every packet',
    example: 'DataTransferLength > 4096',
    forms: 'a class, or a class and an operation, scsi.ExecuteSrb',
    names: packetClassNames,
    digits: undefined,
  },
];

function numberText(number: number, digits: number | undefined): string {
  if (digits === undefined) return '';
  return digits === 0 ? String(number) : `0x${number.toString(16).padStart(digits, '0')}`;
}

function operationsOf(text: string, className: string): readonly CatalogueEntry[] {
  return (packetOperationNames.get(className) ?? []).map((label) => ({
    ...{ label, description: '', text: `${text}.${label}`, parts: [] },
  }));
}

function groupOf(row: GroupRow): CatalogueGroup {
  const { title, prefix, example, forms, everything, names, digits } = row;
  return {
    ...{ title, prefix, example, forms },
    everything: { label: everything, description: '', text: `${prefix}:*`, parts: [] },
    entries: names.map(({ number, name, title: meaning }) => ({
      label: name,
      description: [numberText(number, digits), meaning].filter((part) => part !== '').join('  '),
      text: `${prefix}:${name}`,
      parts: prefix === 'packet' ? operationsOf(`${prefix}:${name}`, name) : [],
    })),
  };
}

/** Every group, in the order in which they are shown. */
export const breakpointCatalogue: readonly CatalogueGroup[] = rows.map(groupOf);

/** The group of a prefix. */
export function catalogueGroup(prefix: string): CatalogueGroup | undefined {
  return breakpointCatalogue.find((group) => group.prefix === prefix);
}

/** Every entry of a group, wherever in it. */
export function entriesOf(group: CatalogueGroup): readonly CatalogueEntry[] {
  return [group.everything, ...group.entries.flatMap((entry) => [entry, ...entry.parts])];
}

/** Breakpoints of a group's kind that were typed, as no entry says them. */
export function typedEntries(
  group: CatalogueGroup,
  texts: Iterable<string>,
): readonly CatalogueEntry[] {
  const offered = new Set(entriesOf(group).map(({ text }) => text));
  const start = `${group.prefix}:`;
  return [...texts]
    .filter((text) => text.startsWith(start) && !offered.has(text))
    .map((text) => ({ label: text.slice(start.length), description: '', text, parts: [] }));
}
