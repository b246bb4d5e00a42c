/** `--share`: which namespaces the containers of a pod have in common; podman's words. */

/** Every pod of CRI shares these: its sandbox holds them. */
const ALWAYS = ['ipc', 'net', 'uts'];

export interface SharedNamespaces {
  readonly pid: boolean;
}

/**
 * Reads `ipc,net,uts[,pid]`, or `+pid` for more than the default. Throws Error for a namespace that a pod cannot share, and for a
 * list that leaves out one which it always does.
 */
export function parseShare(text: string): SharedNamespaces {
  const added = text.startsWith('+');
  const named = (added ? text.slice(1) : text).split(',').map((name) => name.trim().toLowerCase());
  const wrong = named.find((name) => !ALWAYS.includes(name) && name !== 'pid');
  if (wrong !== undefined && (named.length > 1 || !['', 'none'].includes(wrong)))
    throw new Error(`a pod cannot share ${JSON.stringify(wrong)}: ipc, net and uts are shared, pid can be added`);
  const missing = added ? [] : ALWAYS.filter((name) => !named.includes(name));
  if (missing.length > 0)
    throw new Error(`a pod always shares ipc, net and uts: ${missing.join(' and ')} cannot be left out`);
  return { pid: named.includes('pid') };
}
