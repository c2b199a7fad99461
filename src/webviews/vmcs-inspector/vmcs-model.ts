/** What the page of the VMCS Inspector knows, and the rows that follow from it; pure but for the messages it sends. */
import type {
  VmcsBitsInfo,
  VmcsBody,
  VmcsFieldInfo,
  VmcsGroupInfo,
} from '../../../debug-adapter/protocol/vmcs-requests';
import type { ToExtension, ToPage, VmcsSource } from '../../panels/vmcs-inspector/vmcs-messages';

/** A row of the tree. `id` is unique and stays with what it shows. */
export type VmcsRow =
  | {
      readonly kind: 'group';
      readonly id: string;
      readonly group: VmcsGroupInfo;
      readonly changed: number;
    }
  | { readonly kind: 'field'; readonly id: string; readonly field: VmcsFieldInfo }
  | {
      readonly kind: 'bits';
      readonly id: string;
      readonly field: VmcsFieldInfo;
      readonly bits: VmcsBitsInfo;
      /** Value in what is compared with, where the field differs. */
      readonly before: string | undefined;
    };

/** An edit that the person has begun. */
export interface VmcsEdit {
  readonly rowId: string;
  readonly field: string;
  readonly text: string;
  /** Why it was not taken. */
  readonly problem: string;
}

/** What the person has chosen to see; kept while the page is hidden. */
export interface VmcsChoice {
  readonly filter: string;
  readonly changedOnly: boolean;
  readonly comparedWith: string;
  readonly collapsed: readonly string[];
  readonly expanded: readonly string[];
}

export const initialChoice: VmcsChoice = {
  filter: '',
  changedOnly: false,
  comparedWith: 'last-stop',
  collapsed: ['Host state'],
  expanded: [],
};

export class VmcsModel {
  source: VmcsSource = { state: 'none' };
  choice = initialChoice;
  /** Identity of the exit that is shown; the present where it is undefined. */
  exit: string | undefined;
  body: VmcsBody | undefined;
  failure = '';
  selected: string | undefined;
  edit: VmcsEdit | undefined;
  private request = 0;
  private isWaiting = false;

  constructor(
    private readonly send: (message: ToExtension) => void,
    private readonly changed: () => void,
  ) {}

  /** Asks for what is to be shown; what was asked for before is no longer of interest. */
  fetch(): void {
    if (this.source.state !== 'live') return;
    // A running guest is asked once it stops: its values would be of no moment.
    if (this.source.running) return;
    this.isWaiting = true;
    const { comparedWith } = this.choice;
    const request = ++this.request;
    const { exit } = this;
    this.send({ type: 'fetch', request, comparedWith, ...(exit === undefined ? {} : { exit }) });
  }

  receive(message: ToPage): void {
    switch (message.type) {
      case 'source':
        this.setSource(message.source);
        this.fetch();
        break;
      case 'stop':
        this.setSource(message.source);
        this.edit = undefined;
        if (this.exit === undefined && this.choice.comparedWith === message.comparedWith) {
          // What is still on its way was asked for at a moment before.
          this.request++;
          this.show(message.body);
        } else this.fetch();
        break;
      case 'vmcs':
        if (message.request !== this.request) return;
        this.show(message.body);
        break;
      case 'failed':
        if (message.request !== this.request) return;
        this.isWaiting = false;
        this.failure = message.message;
        break;
      case 'edited':
        this.finishEdit(message.field, message.message);
        break;
      case 'showExit':
        this.exit = message.exit;
        this.choose({ comparedWith: message.comparedWith });
        break;
      case 'compareWith':
        this.choose({ comparedWith: message.exit });
        break;
      case 'focusFilter':
        return;
    }
    this.changed();
  }

  /** True while an answer is on its way. */
  get waits(): boolean {
    return this.isWaiting;
  }

  choose(part: Partial<VmcsChoice>): void {
    const before = this.choice.comparedWith;
    this.choice = { ...this.choice, ...part };
    if (
      part.comparedWith !== undefined &&
      (part.comparedWith !== before || this.exit !== undefined)
    ) {
      this.fetch();
    }
    this.changed();
  }

  /** Shows the present again. */
  showNow(): void {
    this.exit = undefined;
    this.choice = { ...this.choice, comparedWith: 'last-stop' };
    this.fetch();
    this.changed();
  }

  beginEdit(row: VmcsRow, text: string): void {
    if (row.kind === 'group' || !row.field.isEditable || this.isStale) return;
    this.edit = { rowId: row.id, field: row.field.name, text, problem: '' };
    this.changed();
  }

  cancelEdit(): void {
    this.edit = undefined;
    this.changed();
  }

  /** Sends the edit of `row`: of a field, or of some of its bits. */
  commitEdit(row: VmcsRow, text: string): void {
    if (row.kind === 'group') return;
    const { name } = row.field;
    const edit: VmcsEdit = { rowId: row.id, field: name, text, problem: '' };
    this.edit = edit;
    if (text.trim() === '') this.edit = { ...edit, problem: 'Write a number or an expression.' };
    else this.send({ type: 'edit', field: name, value: editedValue(row, text) });
    this.changed();
  }

  /** True while what is shown is not the state of a stopped guest. */
  get isStale(): boolean {
    return this.source.state !== 'live' || this.source.running;
  }

  /** The rows to show, in order. */
  get rows(): readonly VmcsRow[] {
    const { filter, changedOnly, collapsed, expanded } = this.choice;
    const wanted = filter.trim().toLowerCase();
    const isNarrow = wanted !== '' || changedOnly;
    return (this.body?.groups ?? []).flatMap((group): readonly VmcsRow[] => {
      const fields = group.fields.filter(
        (field) => (!changedOnly || field.before !== undefined) && matches(field, wanted),
      );
      if (fields.length === 0 && isNarrow) return [];
      const changed = group.fields.filter(({ before }) => before !== undefined).length;
      const head: VmcsRow = { kind: 'group', id: group.name, group, changed };
      if (collapsed.includes(group.name) && !isNarrow) return [head];
      return [head, ...fields.flatMap((field) => fieldRows(field, expanded.includes(field.name)))];
    });
  }

  /** How many fields differ from what is compared with. */
  get changedCount(): number {
    const fields = (this.body?.groups ?? []).flatMap((group) => group.fields);
    return fields.filter(({ before }) => before !== undefined).length;
  }

  isExpanded(row: VmcsRow): boolean {
    if (row.kind === 'group') return !this.choice.collapsed.includes(row.id);
    return row.kind === 'field' && this.choice.expanded.includes(row.id);
  }

  toggle(row: VmcsRow): void {
    if (row.kind === 'bits') return;
    const key = row.kind === 'group' ? 'collapsed' : 'expanded';
    const list = this.choice[key];
    const next = list.includes(row.id) ? list.filter((id) => id !== row.id) : [...list, row.id];
    this.choose({ [key]: next });
  }

  private show(body: VmcsBody): void {
    this.isWaiting = false;
    this.body = body;
    this.failure = '';
  }

  private setSource(source: VmcsSource): void {
    const before = this.source;
    this.source = source;
    if (source.state === 'none') return;
    const isOther = before.state === 'none' || before.key !== source.key;
    if (isOther) {
      this.body = undefined;
      this.exit = undefined;
      this.edit = undefined;
      const { comparedWith } = this.choice;
      // An exit's identity means nothing to another session.
      if (/^\d/.test(comparedWith)) this.choice = { ...this.choice, comparedWith: 'last-stop' };
    }
    if (source.running) this.edit = undefined;
  }

  private finishEdit(field: string, problem: string): void {
    if (this.edit?.field !== field) return;
    this.edit = problem === '' ? undefined : { ...this.edit, problem };
  }
}

function fieldRows(field: VmcsFieldInfo, isExpanded: boolean): readonly VmcsRow[] {
  const head: VmcsRow = { kind: 'field', id: field.name, field };
  if (!isExpanded) return [head];
  const bits = field.bits.map((each): VmcsRow => {
    const before = field.before === undefined ? undefined : bitsOf(field.before.value, each);
    const id = `${field.name}/${each.high}:${each.low}`;
    return {
      kind: 'bits',
      id,
      field,
      bits: each,
      before: before === each.value ? undefined : before,
    };
  });
  return [head, ...bits];
}

function bitsOf(word: string, { low, high }: VmcsBitsInfo): string {
  const mask = (1n << BigInt(high - low + 1)) - 1n;
  return `0x${((BigInt(word) >> BigInt(low)) & mask).toString(16)}`;
}

function matches(field: VmcsFieldInfo, wanted: string): boolean {
  if (wanted === '') return true;
  const texts = [field.name, field.value, field.text, field.section, field.sectionTitle];
  return [...texts, ...field.bits.map(({ name }) => name)].some((text) =>
    text.toLowerCase().includes(wanted),
  );
}

/** The value of the whole field as an expression. */
function editedValue(row: Exclude<VmcsRow, { kind: 'group' }>, text: string): string {
  if (row.kind === 'field') return text;
  const { low, high } = row.bits;
  const ones = (1n << BigInt(high - low + 1)) - 1n;
  const rest = BigInt(row.field.value) & ~(ones << BigInt(low));
  return `0x${rest.toString(16)} | (((${text}) & 0x${ones.toString(16)}) << ${low})`;
}
