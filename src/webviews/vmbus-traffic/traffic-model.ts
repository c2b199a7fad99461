/** What the page knows of the traffic: rows and channels; no DOM, so it is tested alone. */
import type {
  BusInfo,
  ChannelInfo,
  TrafficBody,
  TrafficDetailBody,
  TrafficFilter,
  TrafficKind,
  TrafficRow,
} from '../../../debug-adapter/protocol/traffic';
import type { TrafficAnswer, TrafficQuestion } from '../../panels/vmbus-traffic/traffic-messages';
import { SearchedRows } from '../log-panel/searched-rows';

/** The kinds of rows in the order in which the bar shows them. */
export const trafficKinds: readonly TrafficKind[] = [
  'vmbus-message',
  'vmbus-packet',
  'vmbus-signal',
];

export class TrafficModel extends SearchedRows<
  TrafficRow,
  TrafficDetailBody,
  TrafficBody,
  TrafficFilter
> {
  filter: TrafficFilter = {};
  buses: readonly BusInfo[] = [];
  private busesRequest: number | undefined;
  /** The trace grew while the channels were on their way. */
  private busesAgain = false;

  protected override readonly detailsGone =
    'The session has ended; the bytes of this row are no longer in memory.';

  constructor(
    private readonly send: (message: TrafficQuestion) => void,
    changed: () => void,
  ) {
    super(send, changed);
  }

  override get restricts(): boolean {
    const { text, channels, kinds, partition } = this.filter;
    return [text, channels, kinds, partition].some((each) => each !== undefined);
  }

  /** The channel that the list is restricted to; 0 for the messages of the bus. */
  get chosenChannel(): number | undefined {
    const { channels } = this.filter;
    return channels?.length === 1 ? channels[0] : undefined;
  }

  /** The channel with this number of the partition that is shown. */
  channel(partition: number, relid: number): ChannelInfo | undefined {
    const bus = this.buses.find((each) => each.partition === partition);
    return bus?.channels.find((each) => each.relid === relid);
  }

  setFilter(filter: TrafficFilter): void {
    this.filter = filter;
    this.lookAgain();
  }

  override receive(message: TrafficAnswer): void {
    if (message.request !== this.busesRequest) {
      if (message.type !== 'buses') super.receive(message);
      return;
    }
    this.busesRequest = undefined;
    if (message.type === 'buses') {
      this.buses = message.body.buses;
      this.busesAgain ||= !message.body.isComplete;
    }
    if (message.type === 'failed') this.failure = message.message;
    if (this.busesAgain) this.refreshMore();
    this.changed();
  }

  protected override refreshMore(): void {
    this.busesAgain = this.busesRequest !== undefined;
    if (this.busesAgain) return;
    this.busesRequest = this.nextNumber();
    this.send({ type: 'fetchBuses', request: this.busesRequest });
  }

  protected override sourceChanged(): void {
    this.buses = [];
    this.busesRequest = undefined;
  }

  protected override dropFilter(): void {
    this.setFilter({});
  }

  protected override droppedIn({ dropped }: TrafficBody): number {
    return dropped;
  }
}
