/** What the kernel lets pass a bridge of ours, by settings of the interface. */
import { disableSysctl, enableSysctl } from './sysctl.ts';

const place = (bridge: string) => `net/ipv4/conf/${bridge}`;

/** Packets may pass it, from 127.0.0.1 too: our rules say which. Returns whether those from 127.0.0.1 may. */
export async function openBridge(bridge: string): Promise<boolean> {
  // It may have been shut by a daemon that could make no rules.
  await enableSysctl(`${place(bridge)}/forwarding`);
  return enableSysctl(`${place(bridge)}/route_localnet`);
}

/**
 * Without rules nothing but this keeps networks apart: what containers of this one send goes no further than to one another and to
 * this host. Nothing is lost by it, for nothing would translate their addresses.
 */
export async function shutBridge(bridge: string): Promise<void> {
  await disableSysctl(`${place(bridge)}/route_localnet`);
  await disableSysctl(`${place(bridge)}/forwarding`);
}
