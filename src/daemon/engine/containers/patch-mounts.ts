/** How a bind mount treats what is mounted below its source: CRI has no words for it. */
import type { ResolvedMount } from '../../state/spec.ts';
import type { OciMount } from './oci-spec.ts';

/** Changes the options in place (runtime-spec, config-linux.md: `rro` is read-only with all below). */
export function patchMounts(mounts: readonly OciMount[], asked: readonly ResolvedMount[]): void {
  for (const { target, recursive } of asked) {
    const mount = recursive === undefined ? undefined : mounts.find(({ destination }) => destination === target);
    if (mount === undefined) continue;
    const options = mount.options ?? [];
    mount.options =
      recursive === 'disabled'
        ? options.map((option) => (option === 'rbind' ? 'bind' : option))
        : options.map((option) => (option === 'ro' ? 'rro' : option));
  }
}
