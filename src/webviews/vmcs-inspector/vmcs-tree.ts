/** The fields as an accessible tree with columns. */
import { html, nothing, type TemplateResult } from 'lit';
import type { VmcsModel, VmcsRow } from './vmcs-model';
import { rowSpeech } from './vmcs-text';

export interface TreeActions {
  readonly choose: (row: VmcsRow) => void;
  readonly toggle: (row: VmcsRow) => void;
  /** Begins to edit the value of a row. */
  readonly edit: (row: VmcsRow) => void;
  readonly commit: (row: VmcsRow, text: string) => void;
  readonly cancel: () => void;
  readonly key: (event: KeyboardEvent) => void;
}

const columns = ['Field', 'Value', 'Meaning', 'Before', 'Manual'];

export function vmcsTree(
  model: VmcsModel,
  rows: readonly VmcsRow[],
  actions: TreeActions,
): TemplateResult {
  const active = rows.findIndex(({ id }) => id === model.selected);
  return html`
    <div
      id="tree"
      class="tree ${model.isStale ? 'stale' : ''}"
      role="treegrid"
      tabindex="0"
      aria-label="VMCS fields"
      aria-busy=${model.waits}
      aria-colcount=${columns.length}
      aria-activedescendant=${active < 0 ? nothing : `row-${active}`}
      @keydown=${actions.key}
    >
      <div class="row header" role="row">
        ${columns.map((label) => html`<span class="cell" role="columnheader">${label}</span>`)}
      </div>
      <div role="rowgroup">${rows.map((row, index) => treeRow(row, index, model, actions))}</div>
    </div>
  `;
}

function treeRow(
  row: VmcsRow,
  index: number,
  model: VmcsModel,
  actions: TreeActions,
): TemplateResult {
  const isChanged =
    row.kind === 'field'
      ? row.field.before !== undefined
      : row.kind === 'bits' && row.before !== undefined;
  const hasChildren = row.kind === 'group' || (row.kind === 'field' && row.field.bits.length > 0);
  return html`<div
    class="row ${row.kind} ${isChanged ? 'changed' : ''}"
    role="row"
    id="row-${index}"
    data-row=${row.id}
    aria-level=${{ group: 1, field: 2, bits: 3 }[row.kind]}
    aria-selected=${model.selected === row.id}
    aria-expanded=${hasChildren ? model.isExpanded(row) : nothing}
    aria-label=${rowSpeech(row)}
    @click=${() => actions.choose(row)}
    @dblclick=${() => (row.kind === 'group' ? undefined : actions.edit(row))}
  >
    ${nameCell(row, hasChildren, model, actions)} ${valueCells(row, model, actions)}
  </div>`;
}

function nameCell(
  row: VmcsRow,
  hasChildren: boolean,
  model: VmcsModel,
  actions: TreeActions,
): TemplateResult {
  const name =
    row.kind === 'group' ? row.group.name : row.kind === 'field' ? row.field.name : row.bits.name;
  const toggle = (event: Event): void => {
    event.stopPropagation();
    actions.choose(row);
    actions.toggle(row);
  };
  const icon = model.isExpanded(row) ? 'chevron-down' : 'chevron-right';
  return html`<span class="cell name" role="gridcell" title=${name}>
    <span class="twistie" @click=${hasChildren ? toggle : nothing}
      >${hasChildren ? html`<i class="codicon codicon-${icon}" aria-hidden="true"></i>` : nothing}</span
    >${name}${
      row.kind === 'group' && row.changed > 0
        ? html`<span class="badge">${row.changed} changed</span>`
        : nothing
    }</span
  >`;
}

function valueCells(row: VmcsRow, model: VmcsModel, actions: TreeActions): TemplateResult {
  if (row.kind === 'group') return html``;
  const { field } = row;
  const value = row.kind === 'field' ? field.value : row.bits.value;
  const text = row.kind === 'field' ? field.text : row.bits.meaning;
  const before = row.kind === 'field' ? field.before?.value : row.before;
  const beforeText = row.kind === 'field' ? (field.before?.text ?? '') : '';
  const position =
    row.kind === 'bits'
      ? row.bits.low === row.bits.high
        ? `bit ${row.bits.low}`
        : `bits ${row.bits.high}:${row.bits.low}`
      : field.section;
  const title = row.kind === 'field' ? `${field.section}, ${field.sectionTitle}` : position;
  return html`<span class="cell value" role="gridcell"
      >${valueCell(row, value, model, actions)}</span
    >
    <span class="cell meaning" role="gridcell" title=${text}
      >${
        model.edit?.rowId === row.id && model.edit.problem !== ''
          ? html`<span class="problem" role="alert">${model.edit.problem}</span>`
          : text
      }</span
    >
    <span class="cell before" role="gridcell" title="${before ?? ''} ${beforeText}"
      >${before ?? ''}</span
    >
    <span class="cell section" role="gridcell" title=${title}>${position}</span>`;
}

function valueCell(
  row: Exclude<VmcsRow, { kind: 'group' }>,
  value: string,
  model: VmcsModel,
  actions: TreeActions,
): TemplateResult {
  const { edit } = model;
  if (edit?.rowId === row.id) return editor(row, edit.text, actions);
  const isEditable = row.field.isEditable && !model.isStale;
  if (!isEditable) return html`${value}`;
  return html`<span
    class="editable"
    title="Edit (F2)"
    @click=${(event: Event) => {
      if (model.selected !== row.id) return;
      event.stopPropagation();
      actions.edit(row);
    }}
    >${value}</span
  >`;
}

function editor(
  row: Exclude<VmcsRow, { kind: 'group' }>,
  text: string,
  actions: TreeActions,
): TemplateResult {
  const name = row.kind === 'field' ? row.field.name : `${row.bits.name} of ${row.field.name}`;
  const key = (event: KeyboardEvent): void => {
    event.stopPropagation();
    // The listener is on this input.
    if (event.key === 'Enter') actions.commit(row, (event.target as HTMLInputElement).value);
    if (event.key === 'Escape') actions.cancel();
  };
  return html`<input
    id="editor"
    type="text"
    spellcheck="false"
    autocomplete="off"
    aria-label="New value of ${name}"
    .value=${text}
    @keydown=${key}
    @click=${(event: Event) => event.stopPropagation()}
    @dblclick=${(event: Event) => event.stopPropagation()}
  />`;
}
