// A boot on processors with 5-level paging: the kernel turns it on, says so, and does the same on both engines.
import { bootMachine, GuestConsole, runUntilShown, type BootOptions } from './debian-guest';

const processors = 2;
const commandLine = 'console=ttyS0 cryptomgr.notests=1';
const question =
  'grep -o -m1 " la57 " /proc/cpuinfo; grep -m1 "address sizes" /proc/cpuinfo; echo e""nd.\n';

const ways: readonly BootOptions[] = [
  { unpack: 'host' },
  { unpack: 'host', hotCount: 0, tlbEntries: 64 },
  // The kernel's own code in front of it goes to 5-level paging through compatibility mode.
  { unpack: 'guest' },
];

/** What the guest says at its shell, and its state behind that. */
function answerOf(way: BootOptions): { readonly text: string; readonly hash: string } {
  const machine = bootMachine({ processors, commandLine, la57: true, ...way });
  const console = new GuestConsole(machine);
  const stop = runUntilShown(machine, console, '# ');
  if (stop !== undefined) return { text: `${stop.kind}: ${console.end}`, hash: '' };
  const from = console.text.length;
  const [{ id: partition } = { id: 0 }] = machine.guests;
  machine.accept({ kind: 'console-input', partition, data: new TextEncoder().encode(question) });
  runUntilShown(machine, console, '\nend.', 500_000_000);
  return { text: console.text.slice(from), hash: machine.stateHash() };
}

/** What is not as it should be. */
export function fiveLevelFailures(): readonly string[] {
  const answers = ways.map(answerOf);
  const failures = answers
    .filter(({ text }) => !/\n la57 /.test(text) || !text.includes('57 bits virtual'))
    .map(({ text }) => `no 5-level paging: ${text}`);
  const [expected, interpreted] = answers;
  if (expected?.hash !== interpreted?.hash) failures.push('the engines differ with 5-level paging');
  return failures;
}
