/** The pane beside the rows: the chosen one as a tree of fields, and its bytes with the field under the hand marked. */
import { html, nothing, type TemplateResult } from 'lit';
import type {
  TrafficDetailBody,
  TrafficNode,
  TrafficRow,
} from '../../../debug-adapter/protocol/traffic';
import { virtualTimeText } from '../../presentation/quantity-text';
import type { TrafficModel } from './traffic-model';
import { channelText, kindIcons, kindNames } from './traffic-text';

/** Bytes that a field stands in. */
export interface ByteRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface DetailActions {
  readonly close: () => void;
  readonly goTo: (address: string) => void;
  readonly goToMoment: (row: TrafficRow) => void;
  /** Shows the row among the events of all kinds. */
  readonly showInOtherLog: (row: TrafficRow) => void;
  readonly copy: () => void;
  readonly mark: (range: ByteRange | undefined) => void;
  /** Moves the keyboard to a field, which shows it. */
  readonly showField: (range: ByteRange) => void;
  /** Chooses the answer of the row, or its request. */
  readonly choosePartner: (row: TrafficRow) => void;
}

const bytesPerLine = 8;

export function trafficDetail(
  model: TrafficModel,
  marked: ByteRange | undefined,
  actions: DetailActions,
): TemplateResult {
  const row = model.selection?.row;
  return html`<section
    id="detail"
    class="detail-pane"
    tabindex="-1"
    aria-label="Details of the chosen row"
    @keydown=${(event: KeyboardEvent) => event.key === 'Escape' && actions.close()}
  >
    ${
      row === undefined
        ? html`<p class="hint">Choose a row to see its fields and bytes.</p>`
        : rowDetail(model, row, marked, actions)
    }
  </section>`;
}

function rowDetail(
  model: TrafficModel,
  row: TrafficRow,
  marked: ByteRange | undefined,
  actions: DetailActions,
): TemplateResult {
  const detail = model.detail?.row.id === row.id ? model.detail : undefined;
  const sender = detail?.sender;
  return html`<header class=${row.kind}>
      <i class="codicon codicon-${kindIcons[row.kind]}" aria-hidden="true"></i>
      <h2>${row.name}</h2>
      <span class="spring"></span>
      ${button('history', 'Go to this moment', () => actions.goToMoment(row))}
      ${
        sender === undefined
          ? nothing
          : button('go-to-file', 'Go to the code that sent it', () => actions.goTo(sender.rip))
      }
      ${button('list-tree', 'Show in the Event Log (E)', () => actions.showInOtherLog(row))}
      ${button('copy', 'Copy as text', actions.copy)}
      ${button('close', 'Close details', actions.close)}
    </header>
    <div class="detail-body" tabindex="0" role="group" aria-label="Fields and bytes">
      <p class="where">${whereText(row)}</p>
      ${detail === undefined ? nothing : partnerLine(detail, actions)}
      ${sender === undefined ? nothing : senderLine(sender, actions)}
      ${row.refusal === '' ? nothing : html`<p class="refusal">Refused: ${row.refusal}</p>`}
      ${
        detail === undefined
          ? html`<p class="hint">${model.failure ?? 'Reading…'}</p>`
          : fieldsAndBytes(detail, marked, actions)
      }
    </div>`;
}

function whereText(row: TrafficRow): string {
  const way = row.direction === 'to-parent' ? 'guest → parent' : 'parent → guest';
  const where = row.channel === 0 ? 'bus' : `channel ${channelText(row)}`;
  return `${kindNames[row.kind][0]}, ${way}, ${where}, step ${row.position}`;
}

function partnerLine({ row, partner }: TrafficDetailBody, actions: DetailActions): TemplateResult {
  if (partner === undefined) {
    return row.isOpen ? html`<p class="where open">No answer yet.</p>` : html``;
  }
  const latencyNs = row.latencyNs ?? partner.latencyNs ?? 0;
  const words = row.latencyNs === undefined ? 'Answered by' : 'Answers';
  return html`<p class="where">
    ${words}
    <button class="link" @click=${() => actions.choosePartner(partner)}>${partner.name}</button>
    after ${virtualTimeText(latencyNs)}
  </p>`;
}

function senderLine(
  sender: NonNullable<TrafficDetailBody['sender']>,
  actions: DetailActions,
): TemplateResult {
  return html`<p class="where">
    Sent by VP ${sender.processor} at
    <button class="link" @click=${() => actions.goTo(sender.rip)}>${sender.text}</button>
  </p>`;
}

function fieldsAndBytes(
  { nodes, bytes, row }: TrafficDetailBody,
  marked: ByteRange | undefined,
  actions: DetailActions,
): TemplateResult {
  if (bytes === '') return html`<p class="hint">${row.facts}</p>`;
  return html`<div class="split">
    <div
      class="tree"
      role="tree"
      aria-label="Fields"
      @pointerleave=${() => actions.mark(undefined)}
    >
      ${nodes.map((node, index) => treeItem(node, 1, index === 0, marked, actions))}
    </div>
    ${byteTable(bytes, row.sizeBytes, nodes, marked, actions)}
  </div>`;
}

/** The field that a byte stands in, the innermost. */
function fieldAt(nodes: readonly TrafficNode[], at: number): ByteRange | undefined {
  const node = nodes.find(({ offset, sizeBytes }) => at >= offset && at < offset + sizeBytes);
  return node === undefined ? undefined : (fieldAt(node.children, at) ?? node);
}

/** The field of the byte that an event is about. */
function fieldUnder(nodes: readonly TrafficNode[], { target }: Event): ByteRange | undefined {
  const at = target instanceof HTMLElement ? target.dataset['at'] : undefined;
  return at === undefined ? undefined : fieldAt(nodes, Number(at));
}

/** @param isFirst the tree is entered here while no field is marked */
function treeItem(
  node: TrafficNode,
  level: number,
  isFirst: boolean,
  marked: ByteRange | undefined,
  actions: DetailActions,
): TemplateResult {
  const { name, text, offset, sizeBytes, children, isReserved } = node;
  const isMarked = marked?.offset === offset && marked.sizeBytes === sizeBytes;
  return html`<div
      class="node ${isReserved ? 'reserved' : ''} ${isMarked ? 'marked' : ''} ${
        text === '' && children.length > 0 ? 'group' : ''
      }"
      role="treeitem"
      tabindex=${isMarked || (isFirst && marked === undefined) ? 0 : -1}
      aria-level=${level}
      aria-label="${name} ${text}, bytes ${offset} to ${offset + sizeBytes - 1}"
      .style=${`padding-left:${(level - 1) * 14 + 4}px`}
      @pointerenter=${() => actions.mark({ offset, sizeBytes })}
      @focus=${() => actions.mark({ offset, sizeBytes })}
      @keydown=${moveInTree}
    >
      <span class="label">${name}</span><span class="value">${text}</span>
    </div>
    ${children.map((child) => treeItem(child, level + 1, false, marked, actions))}`;
}

/** Arrow keys go from field to field, Home and End to the first and the last. */
function moveInTree(event: KeyboardEvent): void {
  const item = event.currentTarget;
  if (!(item instanceof HTMLElement)) return;
  const target: Readonly<Record<string, Element | null | undefined>> = {
    ArrowDown: item.nextElementSibling,
    ArrowUp: item.previousElementSibling,
    Home: item.parentElement?.firstElementChild,
    End: item.parentElement?.lastElementChild,
  };
  const next = target[event.key];
  if (!(next instanceof HTMLElement)) return;
  next.focus();
  event.preventDefault();
}

function byteTable(
  digits: string,
  sizeBytes: number,
  nodes: readonly TrafficNode[],
  marked: ByteRange | undefined,
  actions: DetailActions,
): TemplateResult {
  const count = digits.length / 2;
  const lines = Array.from({ length: Math.ceil(count / bytesPerLine) }, (_, line) => line);
  return html`<div
    class="bytes"
    role="img"
    aria-label="${count} bytes in hexadecimal"
    @pointermove=${(event: Event) => actions.mark(fieldUnder(nodes, event))}
    @pointerleave=${() => actions.mark(undefined)}
    @click=${(event: Event) => {
      const field = fieldUnder(nodes, event);
      if (field !== undefined) actions.showField(field);
    }}
  >
    ${lines.map((line) => byteLine(digits, line * bytesPerLine, count, marked))}
    ${
      count < sizeBytes
        ? html`<p class="hint">${sizeBytes - count} more bytes were not kept.</p>`
        : nothing
    }
  </div>`;
}

function byteLine(
  digits: string,
  start: number,
  count: number,
  marked: ByteRange | undefined,
): TemplateResult {
  const end = Math.min(start + bytesPerLine, count);
  const from = marked?.offset ?? -1;
  const to = from + (marked?.sizeBytes ?? 0);
  const cells = Array.from({ length: end - start }, (_, index) => {
    const at = start + index;
    const isMarked = at >= from && at < to;
    const byte = digits.slice(at * 2, at * 2 + 2);
    return html`<b data-at=${at} class="${isMarked ? 'on' : ''} ${byte === '00' ? 'zero' : ''}"
      >${byte}</b
    >`;
  });
  return html`<div class="line">
    <span class="offset">${start.toString(16).padStart(4, '0')}</span>${cells}
  </div>`;
}

function button(icon: string, label: string, run: () => void): TemplateResult {
  return html`<button class="icon" title=${label} aria-label=${label} @click=${run}>
    <i class="codicon codicon-${icon}" aria-hidden="true"></i>
  </button>`;
}
