/** The channels beside the rows: state, how full their rings are, what is unanswered, and what they wait for. */
import { html, nothing, type TemplateResult } from 'lit';
import type {
  BusInfo,
  ChannelInfo,
  RingOccupancy,
  SilenceReason,
} from '../../../debug-adapter/protocol/traffic';
import { bytesText, countedText, countText } from '../../presentation/quantity-text';
import type { TrafficModel } from './traffic-model';

export interface ChannelActions {
  /** Restricts the rows to a channel of a partition; to none where it is the chosen one. */
  readonly choose: (partition: number, relid: number) => void;
}

export function channelList(model: TrafficModel, actions: ChannelActions): TemplateResult {
  return html`<nav class="channels" aria-label="VMBus channels">
    ${model.buses.map((bus) => busGroup(bus, model, actions))}
  </nav>`;
}

function busGroup(bus: BusInfo, model: TrafficModel, actions: ChannelActions): TemplateResult {
  const isOnly = model.buses.length === 1;
  const isChosen = isChosenChannel(model, bus.partition, 0);
  return html`<section>
    <h3>
      ${isOnly ? 'Channels' : bus.name}
      <span class="faint">${bus.version === '' ? 'not connected' : `VMBus ${bus.version}`}</span>
    </h3>
    <ul>
      <li>
        <button
          class="channel ${hasProblem(bus.silence) ? 'trouble' : ''}"
          aria-pressed=${isChosen}
          @click=${() => actions.choose(bus.partition, 0)}
        >
          <span class="state state-bus" aria-hidden="true"></span>
          <span class="title">Bus messages</span>
        </button>
      </li>
      ${bus.channels.map((channel) => channelItem(channel, model, actions))}
    </ul>
  </section>`;
}

function isChosenChannel(model: TrafficModel, partition: number, relid: number): boolean {
  const inPartition = model.filter.partition === undefined || model.filter.partition === partition;
  return inPartition && model.chosenChannel === relid;
}

function channelItem(
  channel: ChannelInfo,
  model: TrafficModel,
  actions: ChannelActions,
): TemplateResult {
  const { partition, relid, title, subChannel, state, openRequests } = channel;
  const name = subChannel === 0 ? title : `${title} (sub-channel ${subChannel})`;
  const counts = `${countText(channel.sent)} to parent, ${countText(channel.received)} to guest`;
  return html`<li>
    <button
      class="channel ${hasProblem(channel.silence) && state === 'open' ? 'trouble' : ''}"
      aria-pressed=${isChosenChannel(model, partition, relid)}
      aria-label="Channel ${relid}, ${name}, ${state}, ${counts}, ${countedText(openRequests, 'open request')}${state === 'open' ? ringsSpoken(channel) : ''}"
      title="${name}
${state}; ${counts}${channel.instance === '' ? '' : `\n${channel.instance}`}"
      @click=${() => actions.choose(partition, relid)}
    >
      <span class="state state-${state}" aria-hidden="true"></span>
      <span class="number">${relid}</span>
      <span class="title">${name}</span>
      ${openRequests === 0 ? nothing : html`<span class="badge">${countText(openRequests)}</span>`}
      ${state === 'open' ? ringMeters(channel) : html`<span class="word">${state}</span>`}
    </button>
  </li>`;
}

function ringMeters({ toParent, toGuest }: ChannelInfo): TemplateResult {
  return html`<span class="meters" aria-hidden="true">
    ${meter('to parent', toParent)}${meter('to guest', toGuest)}
  </span>`;
}

function ringText(name: string, ring: RingOccupancy): string {
  const masked = ring.isMasked ? ', masked' : '';
  return `Ring ${name}: ${bytesText(ring.usedBytes)} of ${bytesText(ring.sizeBytes)}${masked}`;
}

/** What the meters show. */
function ringsSpoken({ toParent, toGuest }: ChannelInfo): string {
  const texts = [
    ...(toParent === undefined ? [] : [ringText('to parent', toParent)]),
    ...(toGuest === undefined ? [] : [ringText('to guest', toGuest)]),
  ];
  return texts.map((text) => `. ${text}`).join('');
}

function meter(name: string, ring: RingOccupancy | undefined): TemplateResult {
  if (ring === undefined) return html`<span class="meter unknown"></span>`;
  const percent = Math.round((ring.usedBytes / ring.sizeBytes) * 100);
  return html`<span class="meter" title=${ringText(name, ring)}
    ><span
      class="fill"
      .style=${`width:${percent === 0 && ring.usedBytes > 0 ? 3 : percent}%`}
    ></span
  ></span>`;
}

function hasProblem(reasons: readonly SilenceReason[]): boolean {
  return reasons.some(({ isProblem }) => isProblem);
}

/** Why nothing comes: of the chosen channel, otherwise whatever is wrong anywhere. */
export function silenceStrip(model: TrafficModel): TemplateResult | typeof nothing {
  const reasons = shownReasons(model);
  if (reasons.length === 0) return nothing;
  const isProblem = hasProblem(reasons.map(({ reason }) => reason));
  return html`<div class="silence ${isProblem ? 'trouble' : ''}" role="status">
    <i class="codicon codicon-${isProblem ? 'warning' : 'info'}" aria-hidden="true"></i>
    <ul>
      ${reasons.map(
        ({ where, reason }) =>
          html`<li>${where === '' ? nothing : html`<strong>${where}</strong> `}${reason.text}</li>`,
      )}
    </ul>
  </div>`;
}

const stripReasonsMax = 2;

interface PlacedReason {
  readonly where: string;
  readonly reason: SilenceReason;
}

function shownReasons(model: TrafficModel): readonly PlacedReason[] {
  const { chosenChannel } = model;
  const buses = model.buses.filter(
    ({ partition }) => (model.filter.partition ?? partition) === partition,
  );
  const of = (where: string, reasons: readonly SilenceReason[]): readonly PlacedReason[] =>
    reasons.map((reason) => ({ where, reason }));
  if (chosenChannel === 0) return buses.flatMap(({ silence }) => of('', silence));
  if (chosenChannel !== undefined) {
    return buses
      .flatMap(({ channels }) => channels.filter(({ relid }) => relid === chosenChannel))
      .flatMap(({ silence }) => of('', silence));
  }
  const everywhere = buses.flatMap(({ silence, channels }) => [
    ...of('', silence),
    ...channels
      .filter(({ state }) => state === 'open' || state === 'opening' || state === 'refused')
      .flatMap(({ relid, title, silence: own }) => of(`${relid} ${title}:`, own)),
  ]);
  return everywhere.filter(({ reason }) => reason.isProblem).slice(0, stripReasonsMax);
}
