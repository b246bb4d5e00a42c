/* The same as `k3c __child`, as a program of its own beside the unpacked one: it is there when k3c's file is replaced. */
#include "launcher.h"

int main(int argc, char **argv) { child_run(argc - 1, argv + 1); }
