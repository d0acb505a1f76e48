/*
 * servers.h - the option ldap_server: which servers there are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVERS_MOST 8
#define SERVER_ADDRESSES 8 /* of one server */
#define SERVER_ADDRESS_SIZE 46

struct server {
	char host[256];
	uint16_t port;
	bool tls; /* from the first byte */
};
struct servers {
	struct server at[SERVERS_MOST];
	size_t n;
};

/* Words, each HOST, HOST:PORT, [IPV6]:PORT, or one of these behind ldap:// or ldaps://. False: it
 * is none of them, or there are too many. */
bool servers_read(struct servers *s, const char *text);
/* The addresses that need no look-up: how many. */
size_t server_addresses(const struct server *s,
                        char addresses_r[static SERVER_ADDRESSES][SERVER_ADDRESS_SIZE]);
