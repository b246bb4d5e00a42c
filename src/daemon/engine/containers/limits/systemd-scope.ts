/**
 * What systemd must know of a container whose group it makes. When the machine goes down it stops the scope itself, by rules of
 * its own: SIGTERM, and SIGKILL after DefaultTimeoutStopSec. A shell or a sleep as PID 1 ignores the first, and would hold up
 * every shutdown for a minute and a half.
 */
import type { ContainerRecord } from '../../../state/containers.ts';
import type { OciSpec } from '../oci-spec.ts';
import { DEFAULT_STOP_TIMEOUT_S, parseSignal, SIGTERM } from '../signals.ts';

/** runc sets the scope's properties out of annotations of this name, as variants of D-Bus (runc, docs/systemd.md). */
const PROPERTY = 'org.systemd.property.';
/** -1 waits for ever, for which systemd has the greatest number of 64 bits. */
const INFINITE_US = '18446744073709551615';
/** At once: of some of its timeouts systemd takes 0 for no limit. */
const LEAST_US = 1;

/** Changes the specification in place: the scope is stopped as `stop` would do it, but for what the user's annotations say. */
export function patchScope(oci: OciSpec, { spec, config }: Pick<ContainerRecord, 'spec' | 'config'>): void {
  const seconds = spec.stopTimeout ?? DEFAULT_STOP_TIMEOUT_S;
  const signal = parseSignal(config.stopSignal);
  oci.annotations = {
    [`${PROPERTY}TimeoutStopUSec`]: `uint64 ${seconds < 0 ? INFINITE_US : Math.max(LEAST_US, Math.round(seconds * 1_000_000))}`,
    ...(signal === SIGTERM ? {} : { [`${PROPERTY}KillSignal`]: `int32 ${signal}` }),
    ...oci.annotations,
  };
}
