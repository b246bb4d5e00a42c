/** Whose namespaces a container shares. */
import type { Isolation } from '../../../api/gen/k3c.ts';
import type { IsolationSpec } from '../../engine/containers/types.ts';

/** An absent message is one that asks for nothing. */
export function toIsolation(message: Isolation | undefined): IsolationSpec {
  return {
    pidMode: message?.pidMode ?? '',
    ipcMode: message?.ipcMode ?? '',
    utsMode: message?.utsMode ?? '',
    usernsMode: message?.usernsMode ?? '',
    cgroupnsMode: message?.cgroupnsMode ?? '',
    cgroupParent: message?.cgroupParent ?? '',
    sysctls: message?.sysctls ?? {},
  };
}
