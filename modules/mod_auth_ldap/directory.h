/*
 * directory.h - questions to the directory, and who waits for their answers.
 *
 * A question is a search for the one entry of a user, by a link that is bound as ldap_rootdn and
 * carries any number of searches at once; where a password is to be checked, a bind as that entry
 * follows, on one of a few links that serve one bind at a time.
 *
 * While the directory is away, questions are answered PC_EIO at once; a timer tries it again, later
 * each time. It is said once in the log that it has gone, and once that it is back.
 */
#pragma once

#include "link.h"

#define DIRECTORY_BINDS 4        /* links for passwords */
#define DIRECTORY_QUESTIONS 1000 /* under way at once */

struct question;

struct directory {
	pc_module *m;
	struct servers servers;
	struct link search, binds[DIRECTORY_BINDS];
	struct question *bound_by[DIRECTORY_BINDS]; /* whose bind is on that link */
	struct question *first;                     /* all of them, the oldest first */
	size_t n_questions;
	double retry_seconds; /* 0: the directory is there, as far as anybody knows */
	pc_timer *retry;
	bool binds_fail; /* it was said so */
	bool complained; /* of an answer that is the configuration's fault */
	bool ending;
};

/* What is asked. */
enum directory_ask {
	DIRECTORY_EXISTS, /* PC_OK, PC_ENOENT */
	DIRECTORY_CHECK,  /* PC_OK, PC_EAUTH: by a bind */
	DIRECTORY_READ,   /* PC_OK with the password, PC_ENOENT */
};
/* `password` is that of the entry for DIRECTORY_READ, else NULL. It is wiped afterwards. */
typedef void directory_answer_fn(int err, const char *password, void *data);

void directory_init(struct directory *d, pc_module *m);
/* Every question ends as PC_ECANCELED. */
void directory_end(struct directory *d);
/* Ends by fn, not before this has returned. */
void directory_ask(struct directory *d, enum directory_ask what, const char *user,
                   const char *password, directory_answer_fn *fn, void *data);
