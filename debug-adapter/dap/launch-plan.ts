/** From the arguments of a launch request to what is opened: settings, and a saved machine where one is named. */
import { launchOfRestored, readSavedMachine } from '../debugger/saved-machine';
import type { TargetBeginning, TargetPorts } from '../debugger/open-target';
import { parseLaunchArguments, type LaunchSettings } from '../launch/launch-arguments';
import { resolveLaunchPaths } from '../launch/launch-paths';

/** What a launch request comes to. */
export interface LaunchPlan {
  /** The arguments as they came, for a restart. */
  readonly raw: object;
  readonly settings: LaunchSettings;
  readonly beginning: TargetBeginning;
}

/** @throws UserError that names what is wrong */
export function planLaunch(raw: object, ports: TargetPorts): LaunchPlan {
  const restore = 'restore' in raw ? raw.restore : undefined;
  const saved = typeof restore === 'string' ? readSavedMachine(restore, ports) : undefined;
  const launch = saved === undefined ? raw : launchOfRestored(saved, raw);
  const settings = parseLaunchArguments(launch);
  // The editor has made the paths absolute.
  const origin = resolveLaunchPaths(launch, (path) => path);
  return { raw, settings, beginning: { origin, saved } };
}
