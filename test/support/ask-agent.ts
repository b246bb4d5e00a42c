/** A program for build steps that asks the ssh agent they were given. */
import { writeFile } from 'node:fs/promises';
import { run } from './binary.ts';

/** `PROGRAM TYPE` sends the agent one request of this type without a body, and prints the bytes of the answer. */
const SOURCE = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  unsigned char request[5] = {0, 0, 0, 1, atoi(argv[1])}, answer[512];
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  strcpy(address.sun_path, getenv("SSH_AUTH_SOCK"));
  if (connect(s, (struct sockaddr *)&address, sizeof address) || write(s, request, 5) != 5) return 1;
  int n = read(s, answer, sizeof answer);
  for (int i = 0; i < n; i++) printf("%d ", answer[i]);
  return 0;
}
`;

/** Compiles it to this path, its source beside it with `.c` behind the name. Static: it runs in any image. */
export async function compileAskAgent(path: string): Promise<void> {
  await writeFile(`${path}.c`, SOURCE);
  const { code, stderr } = await run('cc', ['-static', '-o', path, `${path}.c`]);
  if (code !== 0) throw new Error(`cc: ${stderr}`);
}
