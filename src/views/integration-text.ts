/** Labels and menus of a guest's integration components; pure. */
import type {
  GuestOperationName,
  IntegrationComponentInfo,
} from '../../debug-adapter/protocol/guest-integration';

const phaseTexts: Record<IntegrationComponentInfo['phase'], string> = {
  absent: 'no driver in the guest',
  negotiating: 'negotiating',
  ready: 'ready',
  incompatible: 'incompatible',
};

/** Codicon of a phase. */
export const phaseIcons: Record<IntegrationComponentInfo['phase'], string> = {
  absent: 'circle-slash',
  negotiating: 'sync',
  ready: 'pass',
  incompatible: 'error',
};

/** `ready, 3.2 · asked to shut down`. */
export function componentDescription(component: IntegrationComponentInfo): string {
  const { phase, version, isBusy, detail } = component;
  const state = version === '' ? phaseTexts[phase] : `${phaseTexts[phase]}, ${version}`;
  return [state, isBusy ? 'waits for the guest' : '', detail]
    .filter((part) => part !== '')
    .join(' · ');
}

/** Rows of a component's tooltip: name and value. */
export function componentFacts(
  component: IntegrationComponentInfo,
): readonly (readonly [string, string])[] {
  const { phase, version, isBusy, detail } = component;
  const facts: readonly (readonly [string, string])[] = [
    ['State', phaseTexts[phase]],
    ['Version', version],
    ['Request', isBusy ? 'waits for the guest' : ''],
    ['Last', detail],
  ];
  return facts.filter(([, value]) => value !== '');
}

/** What menus ask for: only a component that is ready takes requests. */
export function componentContext({ name, phase }: IntegrationComponentInfo): string {
  return phase === 'ready' ? `integration-${name}` : 'integration';
}

/** An operation in words, for messages. */
export const operationTexts: Record<GuestOperationName, string> = {
  'shut-down': 'shut down',
  restart: 'restart',
  hibernate: 'hibernate',
  'set-time': 'set its clock',
  'query-data': 'tell about itself',
  'set-data': 'keep a value',
  'delete-data': 'forget a value',
  'set-addresses': 'set addresses',
  freeze: 'freeze its file systems',
  thaw: 'thaw its file systems',
  'copy-file': 'take a file',
};
