/*
 * quotas.h - how many connections an address may have to a service, and what is said of those that
 * were one too many.
 *
 * Options SERVICE_max_connections_per_ip and SERVICE_max_unauthenticated_per_ip, else the same
 * without the service; unlimited_ips. A refusal is counted, but a line of the log has only the
 * first of a burst, and how many came in each minute afterwards.
 */
#pragma once

#include <prosody-c/net.h>

#include "io/io.h"

/* That of a class's service; kept for ever. */
pc__io_quota *pc__quota_of(const pc_stream_class *class);
void pc__quota_refused(const pc__io_quota *quota, const char *ip);
/* The configuration was exchanged. */
void pc__quotas_read(void);
void pc__quotas_stop(void);
