#include "phase.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "clock.h"

static struct {
	uint64_t at;
	double cpu;
} begun;

static double own_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void await_line(void)
{
	int c;

	fflush(stdout);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
}

void phase_begin(void)
{
	puts("{\"phase\":\"set\"}");
	await_line();
	begun.at = clock_now();
	begun.cpu = own_cpu();
}

void phase_end(struct tally *t)
{
	uint64_t now = clock_now();
	double cpu = own_cpu() - begun.cpu;

	printf("{\"phase\":\"done\",\"units\":%" PRIu64 ",\"total\":%" PRIu64 ",\"seconds\":%.6f,"
	       "\"own_cpu\":%.6f,\"at\":%" PRIu64 ",\"p50_us\":%" PRIu32 ",\"p99_us\":%" PRIu32
	       ",\"max_us\":%" PRIu32 "}\n",
	       t->done, t->total, (double)(now - begun.at) / (double)SECOND, cpu, now,
	       tally_quantile(t, 500), tally_quantile(t, 990), tally_quantile(t, 1000));
	await_line();
}
