import type { Log } from '../host/log.ts';
import type { Containerd } from './backends/containerd.ts';

const PATIENCE_MS = 2000;

/** Whether containerd has pods, of a kubelet's too. A containerd that is just being started again cannot tell: what pods may need is left then. */
export async function hasPods({ cri }: Pick<Containerd, 'cri'>, log: Log): Promise<boolean> {
  try {
    const { items } = await cri.listPodSandbox({}, { timeoutMs: PATIENCE_MS });
    return items.length > 0;
  } catch (err) {
    log.warn({ err }, 'cannot ask for pods: bridge, rules and cgroups stay');
    return true;
  }
}
