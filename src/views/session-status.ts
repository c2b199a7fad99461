/** The status bar item of a session: position, virtual time and VM exits of the current machine. */
import * as vscode from 'vscode';
import { customRequest } from '../../debug-adapter/protocol/custom-requests';
import type { HyperscopeSessions } from '../debug/hyperscope-sessions';
import { requestFromAdapter } from '../debug/session-requests';
import { countedText, countText, virtualTimeText } from '../presentation/quantity-text';
import { RefreshTimer } from './refresh-timer';

const refreshPeriodMs = 250;

export class SessionStatus implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem(
    'hyperscope.position',
    vscode.StatusBarAlignment.Left,
    50,
  );
  private readonly timer = new RefreshTimer(refreshPeriodMs, () => void this.update());
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly sessions: HyperscopeSessions) {
    this.item.name = 'Hyperscope Position';
    this.item.command = 'hyperscope.openExitLog';
    this.disposables = [
      this.item,
      this.timer,
      sessions.onDidChange(() => this.timer.request()),
      sessions.onDidTrace(() => this.timer.request()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('hyperscope.statusBar')) this.timer.request();
      }),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private async update(): Promise<void> {
    const live = this.sessions.live;
    const enabled = vscode.workspace.getConfiguration('hyperscope').get('statusBar.enabled', true);
    if (live === undefined || !enabled) return this.item.hide();
    try {
      const body = await requestFromAdapter(live.session, customRequest.partitions, {});
      const guests = body.partitions.flatMap((partition) => partition.processors);
      const exits = guests.reduce((sum, processor) => sum + processor.exits, 0);
      const time = virtualTimeText(body.timeNs);
      const isPast = body.position < body.endPosition;
      const icon = live.running ? '$(vm-running)' : isPast ? '$(history)' : '$(vm)';
      const position = countText(body.position);
      const where = isPast ? `${position} of ${countText(body.endPosition)}` : position;
      const place = isPast ? `position ${where}` : countedText(exits, 'exit');
      this.item.text = `${icon} ${time} · ${place}`;
      this.item.tooltip = `Position ${where}, virtual time ${time}, ${countedText(exits, 'VM exit')}. Select to open the VM Exit Log.`;
      this.item.accessibilityInformation = { label: `Hyperscope: ${this.item.tooltip}` };
      this.item.show();
    } catch {
      this.item.hide(); // No machine yet, or not any more.
    }
  }
}
