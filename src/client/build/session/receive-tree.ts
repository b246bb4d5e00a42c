/** The local output: fsutil's Receive, which writes the daemon's tree into a directory of the client. */

import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import type { Stat } from '../../../api/gen/github.com/tonistiigi/fsutil/types/stat.ts';
import { Packet } from '../../../api/gen/github.com/tonistiigi/fsutil/types/wire.ts';
import type { Xattrs } from '../../../host/xattr.ts';
import { GoMode, isDirectory, isRegular } from '../context/stat.ts';
import { PacketType, PacketWriter } from './packets.ts';
import type { RawCall } from './raw-call.ts';
import { TreeWriter } from './tree-writer.ts';

/**
 * Receives a tree. Every path is checked to stay inside the directory; modes and times are set as sent, owners are ours.
 *
 * @param mirror whether what was in the directory and was not sent is deleted, once everything has come
 */
export async function receiveTree(call: RawCall, directory: string, mirror: boolean): Promise<void> {
  const writer = new PacketWriter(call);
  const tree = new TreeWriter(directory);
  let count = 0;
  let listed = false;
  let open = 0;
  try {
    for await (const message of call.messages()) {
      const packet = Packet.decode(message);
      switch (packet.type) {
        case PacketType.stat: {
          const stat = packet.stat;
          if (stat === undefined) {
            listed = true;
            break;
          }
          const id = count++;
          const linked = (stat.mode & GoMode.symlink) === 0 && stat.linkname !== '';
          if (isDirectory(stat.mode)) tree.directory(stat.path, stat.mode, stat.modTime, xattrsOf(stat));
          else if (linked) tree.hardLink(stat.path, stat.linkname);
          else if (stat.mode & GoMode.symlink) tree.symlink(stat.path, stat.linkname, stat.modTime);
          else if (isRegular(stat.mode)) {
            tree.open(id, stat.path, stat.mode, stat.modTime, xattrsOf(stat));
            open++;
            writer.request(id);
          } else tree.special(stat.path, stat.mode, stat.modTime, Number(stat.devmajor), Number(stat.devminor));
          break;
        }
        case PacketType.data:
          if (packet.data.length > 0) tree.write(packet.ID, packet.data);
          else {
            tree.close(packet.ID);
            open--;
          }
          break;
        case PacketType.error:
          throw new K3cError(Code.UNKNOWN, `error from sender: ${packet.data.toString('utf8')}`);
        case PacketType.fin:
          if (mirror) await tree.removeOthers();
          tree.finish();
          return;
      }
      if (listed && open === 0) {
        listed = false;
        writer.fin();
      }
      writer.flush();
    }
    throw new K3cError(Code.UNAVAILABLE, 'the builder ended a local output too early');
  } catch (error) {
    tree.abort();
    writer.error(toK3cError(error).message);
    writer.flush();
    throw error;
  }
}

function xattrsOf({ xattrs }: Stat): Xattrs {
  return new Map(Object.entries(xattrs));
}
