// Debian's generic kernel on eight processors, with its root file system on a synthetic disk and the daemons answering.
import { TrafficEntries } from '../../debug-adapter/debugger/traffic/traffic-entries';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import {
  bootMachine,
  guestCommandLine,
  GuestConsole,
  guestFiles,
  kernelComplaints,
  runUntilShown,
} from '../boot/debian-guest';

const components = ['heartbeat', 'shutdown', 'timesync', 'kvp', 'vss', 'fcopy'];
const partition = 2;
const processors = 8;

/** Sub-channels of the storage controller that the guest has opened. */
function openSubChannels(trace: PhysicalMachine['trace']): number {
  const entries = new TrafficEntries(trace);
  entries.update();
  const channels = [...(entries.bookOf(partition)?.channels.values() ?? [])];
  return channels.filter(({ subChannel, state }) => subChannel > 0 && state === 'open').length;
}

/** @returns what is wrong */
export function bootGenericFromDisk(): readonly string[] {
  const machine = bootMachine({
    ...{ flavour: 'generic', processors },
    commandLine: `${guestCommandLine} root=LABEL=hyperscope`,
    disks: [{ path: guestFiles.root, controller: 'scsi' }],
  });
  const console = new GuestConsole(machine);
  for (const text of ['HYPERSCOPE-DISK-READY', ':~# ']) {
    const stop = runUntilShown(machine, console, text, 4e9);
    if (stop !== undefined) return [`generic kernel, ${stop.kind} before ${text}: ${console.end}`];
  }
  machine.run({ maxSteps: 1e9, maxTimeNs: machine.timeNs + 2e9 });
  const states = machine.parent.integrationOf(partition)?.components ?? [];
  const ready = states.filter(({ phase }) => phase === 'ready').map(({ name }) => name);
  const missing = components.filter((name) => !ready.includes(name));
  const complaints = kernelComplaints(console.text);
  const subChannels = openSubChannels(machine.trace);
  globalThis.console.log(
    `generic kernel: ${ready.join(', ')} ready, ${subChannels} sub-channels, position ${machine.position}`,
  );
  return [
    ...(subChannels === processors - 1 ? [] : [`generic kernel: ${subChannels} sub-channels`]),
    ...missing.map((name) => `generic kernel: ${name} is not ready`),
    ...complaints.map((line) => `generic kernel: ${line}`),
  ];
}
