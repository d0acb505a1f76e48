/*
 * certs.h - which certificate serves which host, and the TLS settings: the snapshot that the I/O
 * threads use.
 *
 * For a host, in this order: its option `ssl = { certificate, key }`, its option `certificate`; a
 * file of the folder `certificates` (HOST.crt with HOST.key, HOST.pem, HOST/fullchain.pem with
 * HOST/privkey.pem, or any other there whose names cover the host); of a Component the same of the
 * domains above it; the global `ssl`; and where there is none, a self-signed one that is made and
 * kept in the data folder. A Component without any shows that of the first VirtualHost.
 */
#pragma once

#include <stdbool.h>

#include "io/tls.h"

/* Reads everything anew and gives it to the I/O threads. What is broken or missing is logged, and
 * what the host had before stays in use. PC_EINVAL: the settings are refused, nothing changes. */
int pc__certs_load(void);
/* What the I/O threads use now; borrowed. */
pc__tls *pc__certs_in_use(void);
/* The files of a host's certificate and key, malloc'ed; none is made. False: there are none. */
bool pc__certs_find(const char *host, bool component, char **cert_r, char **key_r);
/* The same, of a folder that is laid out as `certificates` may be. */
bool pc__certs_find_in(const char *folder, const char *host, char **cert_r, char **key_r);
/* The folder `certificates`, malloc'ed. */
char *pc__certs_folder(void);
/* Warns of certificates that end within three weeks; again every day. */
void pc__certs_watch(void);
void pc__certs_free(void);
