/*
 * mod_line_listener.c - an example: messages to users from programs, by a line each over TCP.
 *
 *   modules_enabled = { "line_listener" }               on a VirtualHost
 *   line_listener_ports = { 5300 }                      on loopback, unless _interfaces says else
 *   line_listener_secret = "..."
 *
 * First comes "AUTH secret", then "SEND user the text of the message". Each is answered by OK or by
 * ERR and why; who breaks the rules is cut off.
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

struct talk {
	char line[2048];
	size_t len;
	bool known; /* has told the secret */
	bool over;  /* was cut off: more of its bytes may be at hand */
};

static const pc_option options[] = {
	{ "line_listener_secret", PC_OPT_STRING, .help = "What programs say first" },
	{ 0 },
};

static void say(pc_stream *s, const char *text)
{
	pc_stream_write(s, text, strlen(text));
}

static void refuse(pc_stream *s, struct talk *t, const char *text)
{
	say(s, text);
	pc_stream_close(s);
	t->over = true;
}

/* By digests, so that the time of comparing tells nothing, not even the length. */
static bool is_secret(pc_module *m, const char *text)
{
	const char *secret = pc_opt_str(m, "line_listener_secret");
	uint8_t a[PC_DIGEST_MAX], b[PC_DIGEST_MAX];
	ssize_t n = pc_digest("SHA-256", text, strlen(text), a);

	return secret && *secret && n > 0 && pc_digest("SHA-256", secret, strlen(secret), b) == n &&
	       pc_equal_secret(a, b, (size_t)n);
}

static void send_to(pc_stream *s, char *user)
{
	pc_module *m = pc_stream_module(s);
	const char *host = pc_module_host_name(m);
	char *text = strchr(user, ' '), local[PC_JID_PART_MAX + 1], to[PC_JID_MAX + 1];
	pc_stanza *st;

	if (text)
		*text++ = '\0';
	if (text == NULL || pc_jid_prep_local(user, local) != PC_OK) {
		say(s, "ERR a user of this host and a text are needed\n");
		return;
	}
	pc_jid_write_bare(&(pc_jid){ local, host, NULL }, to);
	st = pc_stanza_message("headline", to, host);
	pc_stanza_leaf(st, "body", text); /* what XML cannot carry is replaced when it is written */
	pc_send(m, st);
	say(s, "OK\n");
}

static void on_line(pc_stream *s, struct talk *t)
{
	bool text = strlen(t->line) == t->len;

	if (text && t->known && strncmp(t->line, "SEND ", 5) == 0) {
		send_to(s, t->line + 5);
	} else if (text && strncmp(t->line, "AUTH ", 5) == 0 &&
	           is_secret(pc_stream_module(s), t->line + 5)) {
		t->known = true;
		say(s, "OK\n");
	} else {
		refuse(s, t, t->known ? "ERR what?\n" : "ERR the secret is needed\n");
	}
}

static void on_bytes(pc_stream *s, const void *bytes, size_t len)
{
	struct talk *t = pc_stream_data(s);

	for (const char *p = bytes; len-- > 0 && !t->over; p++) {
		if (t->len == sizeof(t->line)) {
			refuse(s, t, "ERR the line is too long\n");
		} else if (*p != '\n') {
			t->line[t->len++] = *p;
		} else {
			t->line[t->len] = '\0';
			on_line(s, t);
			t->len = 0;
		}
	}
}

static const pc_stream_class class = { .size = sizeof(class),
	                               .name = "line_listener",
	                               .framing = PC_FRAMING_RAW,
	                               .data_size = sizeof(struct talk),
	                               .bytes = on_bytes };
static const pc_listener listener = { .size = sizeof(listener),
	                              .service = "line_listener",
	                              .class = &class,
	                              .default_ports = "",
	                              .private_service = true };

static void load(pc_module *m)
{
	pc_listen(m, &listener);
}

PC_MODULE(line_listener, .summary = "An example: messages from programs, by a line each",
          .options = options, .load = load);
