/** The Event Log as a view of the panel. */
import type * as vscode from 'vscode';
import {
  eventRequest,
  type EventDetailBody,
  type EventFilter,
  type EventsBody,
} from '../../../debug-adapter/protocol/event-log';
import { placeRequest } from '../../../debug-adapter/protocol/log-places';
import type { HyperscopeSessions } from '../../debug/hyperscope-sessions';
import { requestFromAdapter } from '../../debug/session-requests';
import { reportingErrors } from '../../debug/show-error';
import type { LogSource } from '../log-messages';
import type { RowTarget } from '../log-requests';
import { LogView, type LogDescription } from '../log-view';
import type { PageReady } from '../panel-webview';
import type { EventNews, EventRecording, ToExtension } from './event-log-messages';

const description: LogDescription<EventFilter, EventsBody, EventDetailBody> = {
  viewId: 'hyperscope.eventLog',
  title: 'Event Log',
  element: 'event-log-app',
  bundle: 'event-log',
  words: { rows: 'events', row: 'an event' },
  fetches: {
    rows: (session, args) => requestFromAdapter(session, eventRequest.events, args),
    place: (session, args) => requestFromAdapter(session, placeRequest.eventPlace, args),
    detail: (session, args) => requestFromAdapter(session, eventRequest.eventDetail, args),
  },
};

export class EventLogView extends LogView<
  EventFilter,
  EventsBody,
  EventDetailBody,
  EventNews,
  EventRecording
> {
  constructor(extensionUri: vscode.Uri, sessions: HyperscopeSessions) {
    super(extensionUri, sessions, sessions.onDidTraceAnything, description);
  }

  /** Shows a row; its kind is shown from now on. */
  async reveal({ rowId, rowKind }: RowTarget): Promise<void> {
    await this.show(false);
    this.page.post({ type: 'reveal', id: rowId, kind: rowKind });
  }

  protected override receive(message: Exclude<ToExtension, PageReady>): Promise<void> {
    if (message.type !== 'record') return this.answer(message);
    return reportingErrors(async () => {
      const { live } = this.sessions;
      if (live === undefined) return;
      const { kinds } = message;
      await requestFromAdapter(live.session, eventRequest.recordEvents, { kinds });
    });
  }

  protected override newsOf(source: LogSource): EventNews {
    return { type: 'source', source };
  }
}
