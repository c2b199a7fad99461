/** The launch arguments that are paths, so that they can be made absolute. */

const guestPaths = ['program', 'initrd', 'symbols'] as const;

type Resolve = (path: string) => string;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function resolveGuest(guest: Readonly<Record<string, unknown>>, resolve: Resolve): object {
  const resolved: Record<string, unknown> = { ...guest };
  for (const key of guestPaths) {
    const value = guest[key];
    if (typeof value === 'string') resolved[key] = resolve(value);
    else if (Array.isArray(value)) {
      resolved[key] = value.map((item: unknown) =>
        typeof item === 'string' ? resolve(item) : item,
      );
    }
  }
  const { disks } = guest;
  if (Array.isArray(disks)) resolved['disks'] = disks.map((disk) => resolveDisk(disk, resolve));
  return resolved;
}

/** A disk is a path, or an object with one. */
function resolveDisk(disk: unknown, resolve: Resolve): unknown {
  if (typeof disk === 'string') return resolve(disk);
  if (!isRecord(disk) || typeof disk['path'] !== 'string') return disk;
  return { ...disk, path: resolve(disk['path']) };
}

/** Launch arguments that mean the same files from any folder; without what is about one session only. */
export function resolveLaunchPaths(launch: object, resolve: Resolve): object {
  const kept = Object.entries(launch).filter(([name]) => name !== 'restore');
  const { guests, ...single }: Readonly<Record<string, unknown>> = Object.fromEntries(kept);
  const resolved = resolveGuest(single, resolve);
  if (!Array.isArray(guests)) return resolved;
  const list = guests.map((guest: unknown) =>
    isRecord(guest) ? resolveGuest(guest, resolve) : guest,
  );
  return { ...resolved, guests: list };
}
