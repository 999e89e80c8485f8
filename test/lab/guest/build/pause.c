/* Copyright The cluster-api-provider-altcos Authors. */
/* SPDX-License-Identifier: Apache-2.0 */

/* Holds the namespaces of a pod open until it is told to end, and collects orphans. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal_number) { (void)signal_number; _exit(0); }
static void collect(int signal_number) {
	(void)signal_number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(void) {
	signal(SIGINT, end);
	signal(SIGTERM, end);
	signal(SIGCHLD, collect);
	for (;;)
		pause();
}
