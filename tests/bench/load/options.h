/*
 * options.h - what the command line says.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *work;
	const char *domain;
	const char *password;
	uint16_t port;
	bool tls;
	bool extended;        /* with stream management and carbons */
	bool raw;             /* bytes instead of XMPP, for the floor */
	unsigned first;       /* account: user<first> and on */
	unsigned users;       /* of sessions */
	unsigned count;       /* units of each session, or pair */
	unsigned window;      /* units under way of each */
	unsigned concurrency; /* log-ins under way */
	unsigned contacts;    /* of each user */
	unsigned rate;        /* a second, in all */
	double seconds;
	double timeout; /* of the measured part */
};

/* Ends the program where the words are wrong. */
void options_read(struct options *o, int argc, char **argv);
