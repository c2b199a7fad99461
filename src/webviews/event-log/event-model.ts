/** What the page knows of the events: kinds and rows; no DOM, so it is tested alone. */
import {
  askedForKindNames,
  eventKindNames,
  type EventDetailBody,
  type EventFilter,
  type EventKindName,
  type EventRow,
  type EventsBody,
} from '../../../debug-adapter/protocol/event-log';
import type { EventQuestion } from '../../panels/event-log/event-log-messages';
import { SearchedRows } from '../log-panel/searched-rows';

export class EventModel extends SearchedRows<EventRow, EventDetailBody, EventsBody, EventFilter> {
  kinds: readonly EventKindName[] = [];
  text = '';

  protected override readonly detailsGone =
    'The session has ended; the fields of this event are no longer in memory.';

  constructor(
    private readonly send: (message: EventQuestion) => void,
    changed: () => void,
  ) {
    super(send, changed);
  }

  override get filter(): EventFilter {
    const { kinds, text } = this;
    return text === '' ? { kinds } : { kinds, text };
  }

  override get restricts(): boolean {
    return this.text !== '';
  }

  /** Shows a kind of events, or no longer. */
  toggleKind(kind: EventKindName): void {
    const has = this.kinds.includes(kind);
    this.kinds = eventKindNames.filter((each) =>
      each === kind ? !has : this.kinds.includes(each),
    );
    if (askedForKindNames.includes(kind)) this.record();
    this.lookAgain();
  }

  setText(text: string): void {
    if (text === this.text) return;
    this.text = text;
    this.lookAgain();
  }

  protected override dropFilter(): void {
    this.setText('');
  }

  protected override droppedIn({ recorded, kept }: EventsBody): number {
    return recorded - kept;
  }

  protected override sourceChanged(): void {
    if (this.recordedKinds.length > 0) this.record();
  }

  private get recordedKinds(): readonly EventKindName[] {
    return this.kinds.filter((kind) => askedForKindNames.includes(kind));
  }

  private record(): void {
    if (this.source.state === 'live') this.send({ type: 'record', kinds: this.recordedKinds });
  }
}
