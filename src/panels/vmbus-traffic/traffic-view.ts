/** VMBus Traffic as a view of the panel. */
import type * as vscode from 'vscode';
import { customRequest } from '../../../debug-adapter/protocol/custom-requests';
import { placeRequest } from '../../../debug-adapter/protocol/log-places';
import type {
  TrafficBody,
  TrafficDetailBody,
  TrafficFilter,
} from '../../../debug-adapter/protocol/traffic';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { requestFromAdapter } from '../../debug/session-requests';
import type { LogNews, LogSource } from '../log-messages';
import type { RowTarget } from '../log-requests';
import { LogView, type LogDescription } from '../log-view';
import type { PageReady } from '../panel-webview';
import type { BusesAnswer, BusesQuestion, ToExtension } from './traffic-messages';

const description: LogDescription<TrafficFilter, TrafficBody, TrafficDetailBody> = {
  viewId: 'hyperscope.vmbusTraffic',
  title: 'VMBus Traffic',
  element: 'vmbus-traffic-app',
  bundle: 'vmbus-traffic',
  words: { rows: 'messages', row: 'a message' },
  fetches: {
    rows: (session, args) => requestFromAdapter(session, customRequest.traffic, args),
    place: (session, args) => requestFromAdapter(session, placeRequest.trafficPlace, args),
    detail: (session, args) => requestFromAdapter(session, customRequest.trafficDetail, args),
  },
};

export class VmbusTrafficView extends LogView<
  TrafficFilter,
  TrafficBody,
  TrafficDetailBody,
  LogNews | BusesAnswer,
  BusesQuestion
> {
  constructor(extensionUri: vscode.Uri, sessions: HyperscopeSessions) {
    super(extensionUri, sessions, sessions.onDidTraceVmbus, description);
  }

  /** Shows a row. */
  async reveal({ rowId }: RowTarget): Promise<void> {
    await this.show(false);
    this.page.post({ type: 'reveal', id: rowId });
  }

  protected override receive(message: Exclude<ToExtension, PageReady>): Promise<void> {
    if (message.type !== 'fetchBuses') return this.answer(message);
    return this.requests.answer(message.request, async (session) => {
      const body = await requestFromAdapter(session, customRequest.trafficBuses, {});
      this.page.post({ type: 'buses', request: message.request, body });
    });
  }

  protected override newsOf(source: LogSource): LogNews {
    return { type: 'source', source };
  }
}
