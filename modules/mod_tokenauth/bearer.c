/*
 * bearer.c - the SASL mechanism OAUTHBEARER (RFC 7628): a log-in by a token.
 *
 *   client   "n,a=user@host,^Ahost=...^Aport=...^Aauth=Bearer TOKEN^A^A"
 *   server   success; or {"status":"invalid_token"}, to which the client says "^A", and failure
 */
#include <string.h>
#include <strings.h>

#include "tokenauth.h"

#define END '\001'

struct attempt {
	pc_module *m;
	pc_session_id session;
	pc_sasl_verdict_fn *fn;
	void *data;
	char wanted[PC_JID_PART_MAX + 1]; /* the account that is to be; "": the token's */
};

static void refuse(struct attempt *a, const char *condition)
{
	static const char why[] = "{\"status\":\"invalid_token\"}";
	pc_sasl_verdict verdict = { .condition = condition };
	pc_module *m = a->m;

	if (strcmp(condition, "not-authorized") == 0) {
		verdict.data = why;
		verdict.len = sizeof(why) - 1;
	}
	a->fn(&verdict, a->data);
	pc_module_free(m, a);
}

static void on_checked(int err, const char *user, const char *text, const pc_grant *grant,
                       void *data)
{
	struct attempt *a = data;
	pc_module *m = a->m;

	(void)text;
	if (pc_session_find(a->session) == NULL ||
	    (err && err != PC_EAUTH && err != PC_ETIMEOUT && err != PC_EPERM)) {
		refuse(a, "temporary-auth-failure");
	} else if (err) {
		refuse(a, err == PC_EPERM ? "account-disabled" : "not-authorized");
	} else if (a->wanted[0] && strcmp(a->wanted, user) != 0) {
		refuse(a, "not-authorized");
	} else {
		a->fn(&(pc_sasl_verdict){ .username = user, .role = grant->role }, a->data);
		pc_module_free(m, a);
	}
}

/* ------------------------------------------------------------ the message */

/* RFC 5801 section 4: "=2C" and "=3D" stand for a comma and an equals sign. */
static bool decode_name(const char *text, size_t len, char *out)
{
	for (const char *end = text + len; text < end; text++) {
		if (*text != '=') {
			*out++ = *text;
		} else if (end - text > 2 &&
		           (strncmp(text, "=2C", 3) == 0 || strncmp(text, "=3D", 3) == 0)) {
			*out++ = text[1] == '2' ? ',' : '=';
			text += 2;
		} else {
			return false;
		}
	}
	*out = '\0';
	return true;
}

/* The header of GS2 (RFC 5801 section 4): no channel binding, and maybe who one wants to be. */
static bool read_header(struct attempt *a, const char *msg, const char *host)
{
	char name[PC_JID_MAX + 1], buf[PC_JID_BUF];
	size_t len = strcspn(msg, "\001");
	pc_jid jid;

	if (len < 3 || strchr("ny", msg[0]) == NULL || msg[1] != ',' || msg[len - 1] != ',')
		return false;
	if (len == 3)
		return true;
	if (strncmp(msg + 2, "a=", 2) != 0 || len - 5 >= sizeof(name))
		return false;
	if (!decode_name(msg + 4, len - 5, name))
		return false;
	if (pc_jid_parse(name, buf, &jid) != PC_OK || jid.resource)
		return false;
	if (jid.local == NULL) /* a bare name, as other protocols have it */
		return pc_jid_prep_local(name, a->wanted) == PC_OK;
	if (strcmp(jid.domain, host) != 0)
		return false;
	memcpy(a->wanted, jid.local, strlen(jid.local) + 1);
	return true;
}

/* The token among the pairs behind the header; false: there is none. */
static bool read_token(const char *msg, size_t msg_len, char out[static PC_TOKEN_MAX])
{
	static const char key[] = "auth=";
	const char *at = strchr(msg, END), *end;

	/* Pairs end with ^A each, and the message with one more. */
	if (msg_len < 3 || msg[msg_len - 1] != END || msg[msg_len - 2] != END)
		return false;
	for (at = at ? at + 1 : NULL; at && *at != END && *at; at = end + 1) {
		end = strchr(at, END);
		if (end == NULL)
			return false;
		if (strncmp(at, key, sizeof(key) - 1) != 0)
			continue;
		at += sizeof(key) - 1;
		if (strncasecmp(at, "Bearer ", 7) != 0 || end - at - 7 >= PC_TOKEN_MAX)
			return false;
		memcpy(out, at + 7, (size_t)(end - at - 7));
		out[end - at - 7] = '\0';
		return true;
	}
	return false;
}

static void check(pc_module *m, const pc_session *s, const pc_stanza *request, const char *msg,
                  size_t len, pc_sasl_verdict_fn *fn, void *data)
{
	struct attempt *a = pc_module_alloc(m, sizeof(*a));
	char token[PC_TOKEN_MAX];

	(void)request;
	*a = (struct attempt){ .m = m, .session = s->id, .fn = fn, .data = data };
	if (strlen(msg) == len && read_header(a, msg, pc_module_host_name(m)) &&
	    read_token(msg, len, token))
		tokenauth_check(*(pc_tokenauth **)pc_module_data(m), token, on_checked, a);
	else
		refuse(a, "malformed-request");
	explicit_bzero(token, sizeof(token));
}

const pc_sasl_mechanism tokenauth_bearer = {
	.size = sizeof(pc_sasl_mechanism), .name = "OAUTHBEARER", .check = check, .listed = true
};
