/*
 * filter.h - the option ldap_filter made into the filter of one search.
 */
#pragma once

/* `$user` and `$host` of the text become these, written so that they are nothing but values (RFC
 * 4515 section 3); any other `$word` stays as it is. malloc'ed, yours. */
char *filter_make(const char *text, const char *user, const char *host);
