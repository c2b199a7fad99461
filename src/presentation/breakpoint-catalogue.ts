/** Every event that a breakpoint can be set on by name, in groups; pure. */
import {
  exitNames,
  hypercallNames,
  msrNames,
  packetClassNames,
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
}

/** Events of one kind. */
export interface CatalogueGroup {
  readonly title: string;
  readonly prefix: string;
  /** A condition as an example. */
  readonly example: string;
  /** What stops at any of them. */
  readonly everything: CatalogueEntry;
  readonly entries: readonly CatalogueEntry[];
}

interface GroupRow {
  readonly title: string;
  readonly prefix: string;
  readonly everything: string;
  readonly example: string;
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
    names: hypercallNames,
    digits: 4,
  },
  {
    title: 'VM exits',
    prefix: 'exit',
    everything: 'Every VM exit',
    example: 'qualification != 0',
    names: exitNames,
    digits: 0,
  },
  {
    title: 'MSR accesses',
    prefix: 'msr',
    everything: 'Every MSR that exits',
    example: 'write && value != 0',
    names: msrNames,
    digits: 8,
  },
  {
    title: 'Ports',
    prefix: 'io',
    everything: 'Every port',
    example: 'write && value == 0x48',
    names: portNames,
    digits: 4,
  },
  {
    title: 'Interrupts and exceptions',
    prefix: 'vector',
    everything: 'Every vector',
    example: 'error_code != 0',
    names: vectorNames,
    digits: 0,
  },
  {
    title: 'VMBus messages',
    prefix: 'vmbus',
    everything: 'Every message',
    example: 'ChildRelId == 6',
    names: vmbusMessageNames,
    digits: 0,
  },
  {
    title: 'VMBus packets',
    prefix: 'packet',
    everything: 'Every packet',
    example: 'DataTransferLength > 4096',
    names: packetClassNames,
    digits: undefined,
  },
];

function numberText(number: number, digits: number | undefined): string {
  if (digits === undefined) return '';
  return digits === 0 ? String(number) : `0x${number.toString(16).padStart(digits, '0')}`;
}

function groupOf({ title, prefix, example, everything, names, digits }: GroupRow): CatalogueGroup {
  return {
    title,
    prefix,
    example,
    everything: { label: everything, description: '', text: `${prefix}:*` },
    entries: names.map(({ number, name, title: meaning }) => ({
      label: name,
      description: [numberText(number, digits), meaning].filter((part) => part !== '').join('  '),
      text: `${prefix}:${name}`,
    })),
  };
}

/** Every group, in the order in which they are shown. */
export const breakpointCatalogue: readonly CatalogueGroup[] = rows.map(groupOf);

/** The group of a prefix. */
export function catalogueGroup(prefix: string): CatalogueGroup | undefined {
  return breakpointCatalogue.find((group) => group.prefix === prefix);
}
