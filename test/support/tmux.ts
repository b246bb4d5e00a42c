/** A real terminal for tests: one window of a tmux server of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './binary.ts';

export interface Window {
  /** Types text as it is. */
  type(text: string): Promise<void>;
  /** Presses keys by tmux's names: `C-c`, `Enter`. */
  press(...keys: string[]): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** What the window shows, without empty lines at its end. */
  screen(): Promise<string>;
  /** Resolves when the window shows what is asked for; rejects with the screen when it does not within seconds. */
  shows(pattern: RegExp): Promise<string>;
  close(): Promise<void>;
}

/** Whether tmux is installed. */
export async function hasTmux(): Promise<boolean> {
  try {
    return (await run('tmux', ['-V'])).code === 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Opens a window of 80 by 24 with a plain shell whose prompt is `$ `. */
export async function openWindow(env: Readonly<Record<string, string>>): Promise<Window> {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-tmux-'));
  const socket = join(directory, 's');
  const tmux = async (...args: string[]) => {
    const result = await run('tmux', ['-S', socket, ...args]);
    if (result.code !== 0) throw new Error(`tmux ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  const assignments = Object.entries({ ...env, PS1: '$ ' }).map(([name, value]) => `${name}=${value}`);
  await tmux('-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '24', 'env', ...assignments, 'sh');
  const screen = async () => (await tmux('capture-pane', '-p')).trimEnd();
  return {
    type: async (text) => void (await tmux('send-keys', '-l', text)),
    press: async (...keys) => void (await tmux('send-keys', ...keys)),
    resize: async (columns, rows) => void (await tmux('resize-window', '-x', String(columns), '-y', String(rows))),
    screen,
    async shows(pattern) {
      for (let i = 0; i < 200; i++) {
        const text = await screen();
        if (pattern.test(text)) return text;
        await sleep(50);
      }
      throw new Error(`the terminal never showed ${pattern}:\n${await screen()}`);
    },
    async close() {
      await run('tmux', ['-S', socket, 'kill-server']);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
