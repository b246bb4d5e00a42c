/**
 * FileSync.DiffCopy, our side as the sender (fsutil's Send): list the tree, and hand out what the daemon asks for while the
 * list is still going on.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import { Packet } from '../../../api/gen/github.com/tonistiigi/fsutil/types/wire.ts';
import type { ContextSource, OpenFile } from '../context/source.ts';
import { type FileStat, isRegular } from '../context/stat.ts';
import { PacketType, PacketWriter } from './packets.ts';
import type { RawCall, RawHandler } from './raw-call.ts';

/** Milliseconds of work before the event loop gets its turn: the daemon's health checks are answered in between. */
const SLICE = 4;
/** Bytes handed to the transport and not yet taken, above which we wait. */
const UNWRITTEN_LIMIT = 1 << 20;

/** Serves the contexts by the name the daemon asks for. */
export function fileSyncHandler(sources: ReadonlyMap<string, ContextSource>): RawHandler {
  return async (call) => {
    const name = call.values('dir-name')?.[0] ?? '';
    const source = sources.get(name);
    if (source === undefined) throw new K3cError(Code.NOT_FOUND, `no access allowed to dir ${JSON.stringify(name)}`);
    const selection = {
      include: call.values('include-patterns'),
      exclude: call.values('exclude-patterns'),
      followPaths: call.values('followpaths'),
    };
    await new Sender(call, source, source.walk(selection)[Symbol.iterator]()).run();
  };
}

class Sender {
  readonly #call: RawCall;
  readonly #source: ContextSource;
  readonly #entries: Iterator<FileStat>;
  readonly #writer: PacketWriter;
  /** Path of every regular file by its number in the list; taken out when asked for. */
  readonly #files = new Map<number, string>();
  readonly #requests: number[] = [];
  #listed = 0;
  #listing = true;
  #current: { readonly id: number; readonly file: OpenFile } | undefined;
  #finished = false;
  #failure: K3cError | undefined;
  #wake: () => void = () => undefined;

  constructor(call: RawCall, source: ContextSource, entries: Iterator<FileStat>) {
    this.#call = call;
    this.#source = source;
    this.#entries = entries;
    this.#writer = new PacketWriter(call);
  }

  async run(): Promise<void> {
    const wake = () => this.#wake();
    this.#call.accept();
    this.#call.onMessage((message) => this.#receive(message));
    this.#call.signal.addEventListener('abort', wake);
    try {
      await this.#pump();
    } catch (error) {
      this.#writer.error(toK3cError(error).message);
      this.#writer.flush();
      throw error;
    } finally {
      this.#call.signal.removeEventListener('abort', wake);
      this.#current?.file.close();
    }
  }

  async #pump(): Promise<void> {
    for (;;) {
      const until = performance.now() + SLICE;
      while (!this.#finished && this.#busy && performance.now() < until && this.#call.unwritten < UNWRITTEN_LIMIT) {
        this.#list();
        this.#read();
      }
      if (this.#finished) this.#writer.fin();
      this.#writer.flush();
      if (this.#failure !== undefined) throw this.#failure;
      this.#call.signal.throwIfAborted();
      if (this.#finished) return;
      if (this.#busy) await nextTurn();
      else await this.#idle();
    }
  }

  get #busy(): boolean {
    return this.#listing || this.#current !== undefined || this.#requests.length > 0;
  }

  /** A few entries of the list. */
  #list(): void {
    for (let i = 0; i < 32 && this.#listing; i++) {
      const next = this.#entries.next();
      if (next.done === true) {
        this.#listing = false;
        this.#writer.endOfStats();
        return;
      }
      if (isRegular(next.value.mode)) this.#files.set(this.#listed, next.value.path);
      this.#listed++;
      this.#writer.stat(next.value);
    }
  }

  /** One piece of the file under way, or the first of the next. */
  #read(): void {
    if (this.#current === undefined) {
      const id = this.#requests.shift();
      if (id === undefined) return;
      const path = this.#files.get(id);
      if (path === undefined) throw new K3cError(Code.INVALID_ARGUMENT, `invalid file id ${id}`);
      this.#files.delete(id);
      const file = this.#source.open(path);
      if (file === undefined) {
        this.#writer.data(id, () => 0);
        return;
      }
      this.#current = { id, file };
    }
    const { id, file } = this.#current;
    if (this.#writer.data(id, (target) => file.read(target)) > 0) return;
    file.close();
    this.#current = undefined;
  }

  #receive(message: Buffer): void {
    try {
      const packet = Packet.decode(message);
      if (packet.type === PacketType.request) this.#requests.push(packet.ID);
      else if (packet.type === PacketType.fin) this.#finished = true;
      else if (packet.type === PacketType.error) {
        this.#failure = new K3cError(Code.UNKNOWN, `error from receiver: ${packet.data.toString('utf8')}`);
      }
    } catch (error) {
      this.#failure = toK3cError(error);
    }
    this.#wake();
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      // What arrived before this moment has changed the state already; look again at once then.
      if (this.#finished || this.#failure !== undefined || this.#call.signal.aborted || this.#busy) resolve();
    });
  }
}
