#include "servers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LDAP_PORT_NUMBER 389
#define LDAPS_PORT_NUMBER 636

static bool is_address(const char *host)
{
	uint8_t bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool read_port(const char *text, uint16_t *port_r)
{
	size_t digits = strspn(text, "0123456789");
	long port = digits > 0 && digits <= 5 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;

	if (port <= 0 || port > 65535)
		return false;
	*port_r = (uint16_t)port;
	return true;
}

/* What stands in front of the port, and where that begins. */
static bool read_host(struct server *s, const char *text, const char **rest_r)
{
	bool bracket = *text == '[';
	size_t len = strcspn(text + bracket, bracket ? "]" : ":/");

	if (bracket && text[1 + len] != ']')
		return false;
	/* An address of IPv6 without brackets has no port. */
	if (!bracket && is_address(text))
		len = strlen(text);
	if (len == 0 || len >= sizeof(s->host))
		return false;
	memcpy(s->host, text + bracket, len);
	s->host[len] = '\0';
	*rest_r = text + len + 2 * bracket;
	return !bracket || is_address(s->host);
}

static bool read_server(struct server *s, const char *text)
{
	char word[300];
	const char *at = word, *rest;
	size_t len;

	snprintf(word, sizeof(word), "%s", text);
	len = strlen(word);
	*s = (struct server){ .tls = strncmp(word, "ldaps://", 8) == 0 };
	s->port = s->tls ? LDAPS_PORT_NUMBER : LDAP_PORT_NUMBER;
	if (s->tls || strncmp(word, "ldap://", 7) == 0) {
		at += s->tls ? 8 : 7;
		if (word[len - 1] == '/' && word + len - 1 > at)
			word[len - 1] = '\0';
	}
	if (!read_host(s, at, &rest))
		return false;
	return *rest == '\0' || (*rest == ':' && read_port(rest + 1, &s->port));
}

bool servers_read(struct servers *s, const char *text)
{
	const char *space = " \t\n,";

	s->n = 0;
	for (text += strspn(text, space); *text; text += strspn(text, space)) {
		char word[300];
		size_t len = strcspn(text, space);

		if (s->n == SERVERS_MOST || len >= sizeof(word))
			return false;
		memcpy(word, text, len);
		word[len] = '\0';
		if (!read_server(&s->at[s->n++], word))
			return false;
		text += len;
	}
	return s->n > 0;
}

size_t server_addresses(const struct server *s,
                        char addresses_r[static SERVER_ADDRESSES][SERVER_ADDRESS_SIZE])
{
	if (is_address(s->host)) {
		snprintf(addresses_r[0], SERVER_ADDRESS_SIZE, "%.45s", s->host);
		return 1;
	}
	if (strcmp(s->host, "localhost") != 0)
		return 0;
	snprintf(addresses_r[0], SERVER_ADDRESS_SIZE, "127.0.0.1"); /* RFC 6761 section 6.3 */
	snprintf(addresses_r[1], SERVER_ADDRESS_SIZE, "::1");
	return 2;
}
