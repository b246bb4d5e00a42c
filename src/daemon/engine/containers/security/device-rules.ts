/** --device-cgroup-rule (moby, oci/oci.go, AppendDevicePermissionsFromCgroupRules). */
import { invalidSecurity } from './invalid.ts';

const RULE = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/;

/** An entry of the OCI specification's linux.resources.devices; -1 is any number. */
export interface OciDeviceRule {
  readonly allow: boolean;
  readonly type?: string;
  readonly major?: number;
  readonly minor?: number;
  readonly access?: string;
}

/** The rules as runc takes them. Throws INVALID_ARGUMENT in docker's words. */
export function deviceRules(texts: readonly string[]): OciDeviceRule[] {
  return texts.map((text) => {
    const [, type, major, minor, access] = RULE.exec(text) ?? [];
    if (type === undefined || major === undefined || minor === undefined || access === undefined)
      throw invalidSecurity(`invalid device cgroup rule format: '${text}'`);
    return { allow: true, type, major: number(major, text), minor: number(minor, text), access };
  });
}

function number(text: string, rule: string): number {
  if (text === '*') return -1;
  if (Number.isSafeInteger(Number(text))) return Number(text);
  throw invalidSecurity(`invalid device cgroup rule format: '${rule}'`);
}
