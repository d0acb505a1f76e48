/*
 * host.h - the domains that this server speaks for.
 */
#pragma once

#include <prosody-c/base.h>

typedef enum pc_host_type { PC_VIRTUAL_HOST, PC_COMPONENT_HOST } pc_host_type;

PC_EXPORT pc_host *pc_host_find(const char *name); /* prepared; NULL: not ours */
PC_EXPORT const char *pc_host_name(const pc_host *host);
PC_EXPORT pc_host_type pc_host_kind(const pc_host *host);
/* Stops when fn returns false. */
typedef bool pc_host_fn(pc_host *host, void *data);
PC_EXPORT void pc_each_host(pc_host_fn *fn, void *data);
/* Is a module of that name loaded on the host (NULL: globally)? */
PC_EXPORT bool pc_host_has_module(const pc_host *host, const char *module);
