/** Flags about names and who resolves them: --dns, --dns-search, --add-host. */
import { isIP } from 'node:net';

/** `--dns`: an address. Throws Error with docker's sentence. */
export function checkAddress(text: string): string {
  if (isIP(text.trim()) === 0) throw new Error(`${text} is not an ip address`);
  return text.trim();
}

/** `--mac-address`: six bytes with colons or dashes, of one station. Gives it with colons. Throws Error with docker's sentence. */
export function checkMac(text: string): string {
  const mac = text.trim().toLowerCase().replaceAll('-', ':');
  // An odd first byte is a group's address, which no interface can have.
  if (/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(mac)) return mac;
  throw new Error(`${text} is not a valid mac address`);
}

const LABEL = '[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?';
const DOMAIN = new RegExp(`^(?=.*[a-zA-Z])${LABEL}(?:\\.${LABEL})*\\.?$`);

/** `--dns-search`: a domain, or `.` for none. Throws Error with docker's sentence. */
export function checkDomain(text: string): string {
  const domain = text.trim();
  if (domain === '.') return domain;
  if (DOMAIN.test(domain) && domain.length <= 255) return domain;
  throw new Error(`${text} is not a valid domain`);
}

/** `--add-host`: NAME:ADDRESS or NAME=ADDRESS, the address possibly host-gateway or in brackets. Gives NAME:ADDRESS. */
export function parseExtraHost(text: string): string {
  const match = /^([^=:]+)[=:](.*)$/s.exec(text);
  const name = match?.[1] ?? '';
  const address = (match?.[2] ?? '').replace(/^\[(.*)\]$/, '$1');
  if (match === null || name.trim() === '') throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  if (address !== 'host-gateway' && isIP(address) === 0)
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  return `${name}:${address}`;
}
