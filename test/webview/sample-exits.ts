// A made-up exit log for tests of the page: every column filled, every kind of reason, and one hostile row.
import type {
  ExitDetailBody,
  ExitFilter,
  ExitRow,
  ExitsBody,
} from '../../debug-adapter/protocol/custom-requests';

interface Kind {
  readonly reason: number;
  readonly reasonName: string;
  readonly detail: (n: number) => string;
  readonly symbol: string;
}

/** Guest-controlled text that would become an element if it were ever used as markup. */
export const hostileText = '<img src=x onerror="window.broken=1"><b>bold</b>';

const kinds: readonly Kind[] = [
  {
    reason: 10,
    reasonName: 'CPUID',
    symbol: 'detect_hypervisor+0x4',
    detail: (n) => `leaf 0x4000000${n % 7}`,
  },
  {
    reason: 30,
    reasonName: 'I/O instruction',
    symbol: 'print+0x11',
    detail: (n) =>
      `OUT 0xe9, AL = 0x${(32 + (n % 90)).toString(16)} '${String.fromCharCode(32 + (n % 90))}'`,
  },
  {
    reason: 32,
    reasonName: 'WRMSR',
    symbol: 'enable_hypercalls+0x1c',
    detail: () => 'HV_X64_MSR_HYPERCALL = 0x6001',
  },
  { reason: 31, reasonName: 'RDMSR', symbol: 'identify+0x7', detail: () => 'HV_X64_MSR_VP_INDEX' },
  {
    reason: 18,
    reasonName: 'VMCALL',
    symbol: 'hypercall_page',
    detail: () => 'HvCallNotifyLongSpinWait, fast',
  },
  {
    reason: 48,
    reasonName: 'EPT violation',
    symbol: 'probe_memory+0x2a',
    detail: (n) => `write to 0x${(0xfee00000 + n * 16).toString(16)}, not mapped`,
  },
  {
    reason: 30,
    reasonName: 'I/O instruction',
    symbol: 'print+0x11',
    detail: (n) =>
      `OUT 0xe9, AL = 0x${(32 + (n % 90)).toString(16)} '${String.fromCharCode(32 + (n % 90))}'`,
  },
  { reason: 1, reasonName: 'External interrupt', symbol: 'spin', detail: () => '' },
  {
    reason: 0,
    reasonName: 'Exception or non-maskable interrupt (NMI)',
    symbol: 'touch_unmapped+0x3',
    detail: () => '#PF, error code 0x2, address 0xffff8000deadb000',
  },
  { reason: 12, reasonName: 'HLT', symbol: '', detail: () => '' },
];

/** Row `index` of the whole log; row 3 carries the hostile text. */
export function sampleRow(index: number): ExitRow {
  const kind = kinds[(index * 7 + (index >> 3)) % kinds.length] ?? kinds[0];
  if (kind === undefined) throw new Error('the sample has no kinds');
  const position = 41 + index * 137;
  return {
    id: `${position}.0`,
    position,
    timeNs: position + index * 211,
    partition: 2,
    processor: 0,
    exitNumber: index + 1,
    reason: kind.reason,
    reasonName: kind.reasonName,
    qualification: '0x0',
    detail: index === 3 ? hostileText : kind.detail(index),
    rip: `0x${(0x100000 + (index % 512) * 7).toString(16).padStart(16, '0')}`,
    symbol: kind.symbol,
  };
}

/** What passes a filter. */
interface Found {
  readonly passing: readonly ExitRow[];
  readonly reasonCounts: ExitsBody['reasonCounts'];
}

export class SampleLog {
  private rows: ExitRow[];
  private found: ({ readonly asked: string } & Found) | undefined;

  constructor(
    recorded: number,
    readonly dropped = 0,
  ) {
    this.rows = Array.from({ length: recorded - dropped }, (_, index) =>
      sampleRow(index + dropped),
    );
  }

  get recorded(): number {
    return this.rows.length + this.dropped;
  }

  grow(count: number): void {
    for (let i = 0; i < count; i++) this.rows.push(sampleRow(this.recorded));
  }

  exits(start: number, count: number, filter: ExitFilter): ExitsBody {
    const asked = JSON.stringify([filter, this.rows.length]);
    // A page that scrolls asks hundreds of times for parts of the same.
    if (this.found?.asked !== asked) this.found = { asked, ...this.passing(filter) };
    const { passing, reasonCounts } = this.found;
    return {
      total: passing.length,
      recorded: this.recorded,
      dropped: this.dropped,
      reasonCounts,
      rows: passing.slice(start, start + count),
    };
  }

  private passing({ reasons, text, partition }: ExitFilter): Found {
    const inOthers = this.rows.filter(
      (row) =>
        (partition === undefined || row.partition === partition) &&
        (text === undefined ||
          `${row.reasonName} ${row.detail} ${row.rip} ${row.symbol}`
            .toLowerCase()
            .includes(text.toLowerCase())),
    );
    const counts = new Map<number, { reason: number; reasonName: string; count: number }>();
    for (const { reason, reasonName } of inOthers) {
      const known = counts.get(reason);
      if (known === undefined) counts.set(reason, { reason, reasonName, count: 1 });
      else known.count++;
    }
    return {
      passing: inOthers.filter((row) => reasons === undefined || reasons.includes(row.reason)),
      reasonCounts: [...counts.values()].sort((one, other) => other.count - one.count),
    };
  }

  detail(id: string): ExitDetailBody {
    const row = this.rows.find((each) => each.id === id);
    if (row === undefined) throw new Error(`no exit ${id}`);
    const names = [
      'RAX',
      'RCX',
      'RDX',
      'RBX',
      'RSP',
      'RBP',
      'RSI',
      'RDI',
      'R8',
      'R9',
      'R10',
      'R11',
      'R12',
      'R13',
      'R14',
      'R15',
    ];
    return {
      row,
      groups: [
        {
          name: 'VM-exit information',
          values: [
            { name: 'VM_EXIT_REASON', value: `0x${row.reason.toString(16)}`, note: row.reasonName },
            {
              name: 'EXIT_QUALIFICATION',
              value: '0x00e90000',
              note: 'size 1 byte, direction OUT, port 0xe9',
            },
            { name: 'VM_EXIT_INSTRUCTION_LEN', value: '2' },
            { name: 'GUEST_LINEAR_ADDRESS', value: '0x0' },
          ],
        },
        {
          name: 'General registers',
          values: [
            ...names.map((name, n) => ({
              name,
              value: `0x${(row.position * (n + 3)).toString(16).padStart(16, '0')}`,
            })),
            { name: 'RIP', value: row.rip, note: row.symbol },
            { name: 'RFLAGS', value: '0x0000000000000046', note: 'ZF PF' },
          ],
        },
        {
          name: 'Control registers',
          values: [
            { name: 'CR0', value: '0x0000000080010033', note: 'PG WP NE ET MP PE' },
            { name: 'CR3', value: '0x0000000000001000' },
            { name: 'CR4', value: '0x0000000000000020', note: 'PAE' },
          ],
        },
      ],
    };
  }
}
