/** How every panel says that it has nothing to show: why, what to do, and buttons that do it. */
import { html, type TemplateResult } from 'lit';

export function emptyMessage(
  icon: string,
  title: string,
  text: string,
  buttons: TemplateResult = html``,
): TemplateResult {
  return html`<div class="empty" role="status">
    <i class="codicon codicon-${icon}" aria-hidden="true"></i>
    <h2>${title}</h2>
    <p>${text}</p>
    <div class="buttons">${buttons}</div>
  </div>`;
}

/** The ways to a guest, where there is none. */
export function startButtons(
  run: (command: 'debugGuest' | 'openSampleGuest') => void,
): TemplateResult {
  return html`<button class="primary" @click=${() => run('debugGuest')}>Debug a Guest</button>
    <button class="secondary" @click=${() => run('openSampleGuest')}>Open a Sample Guest</button>`;
}
